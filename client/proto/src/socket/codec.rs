use bytes::Bytes;

use super::encode::{Message, ack, event};
use super::{Decoder, Packet};
use crate::args::EncodedArgs;
use crate::engine::Frame;
use crate::error::Error;
use crate::limits::Limits;

#[cfg(feature = "msgpack")]
use super::msgpack;

/// How Socket.IO packets become Engine.IO messages. Both sides must have chosen the same one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parser {
    /// JSON text, each binary attachment a message of its own (Socket.IO protocol v5, "Packet
    /// encoding"). What servers and clients use unless told otherwise.
    #[default]
    Default,
    /// One binary message a packet, as npm's `socket.io-msgpack-parser` 3 writes it: see
    /// [`msgpack`].
    #[cfg(feature = "msgpack")]
    MessagePack,
}

/// A parser at work for one connection.
#[derive(Debug)]
pub(crate) enum Codec {
    Default {
        decoder: Decoder,
        /// Where the next event or ack begins to be written.
        head: String,
    },
    #[cfg(feature = "msgpack")]
    MessagePack(Limits),
}

impl Codec {
    pub(crate) fn new(parser: Parser, limits: Limits) -> Self {
        match parser {
            Parser::Default => Self::Default { decoder: Decoder::new(limits), head: String::new() },
            #[cfg(feature = "msgpack")]
            Parser::MessagePack => Self::MessagePack(limits),
        }
    }

    /// Takes a text message. `Ok(None)` means that the packet is not complete.
    pub(crate) fn decode_text(&mut self, text: &str) -> Result<Option<Packet>, Error> {
        match self {
            Self::Default { decoder, .. } => decoder.decode_text(text),
            #[cfg(feature = "msgpack")]
            Self::MessagePack(_) => {
                Err(Error::UnexpectedText(crate::error::Excerpt::of_text(text)))
            }
        }
    }

    /// Takes a binary message. `Ok(None)` means that the packet is not complete.
    pub(crate) fn decode_binary(&mut self, data: Bytes) -> Result<Option<Packet>, Error> {
        match self {
            Self::Default { decoder, .. } => decoder.decode_binary(data),
            #[cfg(feature = "msgpack")]
            Self::MessagePack(limits) => msgpack::decode(&data, limits).map(Some),
        }
    }

    /// The packet that was not complete when the connection ended.
    pub(crate) fn give_up(&mut self) -> Option<Packet> {
        match self {
            Self::Default { decoder, .. } => decoder.give_up(),
            #[cfg(feature = "msgpack")]
            Self::MessagePack(_) => None,
        }
    }

    pub(crate) fn encode(&self, packet: &Packet) -> Vec<Frame> {
        match self {
            Self::Default { .. } => packet.encode(),
            #[cfg(feature = "msgpack")]
            Self::MessagePack(_) => vec![Frame::Binary(msgpack::encode(packet))],
        }
    }

    #[cfg_attr(
        not(feature = "msgpack"),
        expect(
            clippy::unnecessary_wraps,
            unused_variables,
            reason = "only the other parser can fail"
        )
    )]
    pub(crate) fn check_args(&self, args: &EncodedArgs) -> Result<(), Error> {
        match self {
            Self::Default { .. } => Ok(()),
            #[cfg(feature = "msgpack")]
            Self::MessagePack(_) => args.clone().decode().map(drop),
        }
    }

    #[cfg_attr(
        not(feature = "msgpack"),
        expect(clippy::unnecessary_wraps, reason = "only the other parser can fail")
    )]
    pub(crate) fn encode_event(
        &mut self,
        namespace: &str,
        id: Option<u64>,
        name: &str,
        args: EncodedArgs,
    ) -> Result<Message, Error> {
        match self {
            Self::Default { head, .. } => Ok(event(head, namespace, id, name, args)),
            #[cfg(feature = "msgpack")]
            Self::MessagePack(_) => Ok(message_pack(&Packet::Event {
                namespace: namespace.to_owned(),
                id,
                name: name.to_owned(),
                args: args.decode()?,
            })),
        }
    }

    #[cfg_attr(
        not(feature = "msgpack"),
        expect(clippy::unnecessary_wraps, reason = "only the other parser can fail")
    )]
    pub(crate) fn encode_ack(
        &mut self,
        namespace: &str,
        id: u64,
        args: EncodedArgs,
    ) -> Result<Message, Error> {
        match self {
            Self::Default { head, .. } => Ok(ack(head, namespace, id, args)),
            #[cfg(feature = "msgpack")]
            Self::MessagePack(_) => {
                let (namespace, args) = (namespace.to_owned(), args.decode()?);
                Ok(message_pack(&Packet::Ack { namespace, id, args }))
            }
        }
    }
}

#[cfg(feature = "msgpack")]
fn message_pack(packet: &Packet) -> Message {
    Message { head: Frame::Binary(msgpack::encode(packet)), attachments: Vec::new() }
}
