use std::mem;

use super::take;

/// Where the body of an HTTP message ends (RFC 9112, "Message Body Length").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// After this many bytes.
    Exactly(u64),
    /// Where its last chunk says.
    Chunked,
    /// With the connection.
    UntilClosed,
}

/// A body on its way.
#[derive(Debug)]
pub(super) enum Body {
    Rest(u64),
    Chunks(Chunks),
    Endless,
}

/// What comes next of a body.
pub(super) enum Progress<'d> {
    /// So it travels, and that it holds.
    Part {
        bytes: &'d [u8],
        content: &'d [u8],
    },
    End,
    /// What comes is no chunk.
    Wrong,
}

impl Body {
    /// A body of which nothing has come.
    pub(super) fn new(length: Length) -> Self {
        match length {
            Length::Exactly(count) => Self::Rest(count),
            Length::Chunked => Self::Chunks(Chunks::default()),
            Length::UntilClosed => Self::Endless,
        }
    }

    pub(super) fn is_endless(&self) -> bool {
        matches!(self, Self::Endless)
    }

    /// Takes what belongs together off the front. `None` if more has to come.
    pub(super) fn advance<'d>(&mut self, data: &mut &'d [u8]) -> Option<Progress<'d>> {
        match self {
            Self::Rest(0) => Some(Progress::End),
            Self::Rest(left) => {
                let bytes = take(data, *left)?;
                *left -= bytes.len() as u64;
                Some(Progress::Part { bytes, content: bytes })
            }
            Self::Endless => {
                let bytes = take(data, u64::MAX)?;
                Some(Progress::Part { bytes, content: bytes })
            }
            Self::Chunks(chunks) => chunks.advance(data),
        }
    }
}

/// A body in chunks (RFC 9112, "Chunked Transfer Coding").
#[derive(Debug, Default)]
pub(super) struct Chunks {
    line: Line,
    /// The size of a chunk as far as it is read; then what is left of it.
    left: u64,
}

/// What is being read of a chunk.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Its size, of which so many digits have come.
    #[default]
    NoDigit,
    Size,
    /// Behind the digits: an extension, or the end of the line.
    Extension,
    Data,
    EndOfData,
    /// The trailer, at the beginning of a line of it, which is the last if it is empty.
    Trailer,
    InTrailer,
    Over,
}

impl Chunks {
    fn advance<'d>(&mut self, data: &mut &'d [u8]) -> Option<Progress<'d>> {
        if self.line == Line::Data {
            let bytes = take(data, self.left)?;
            self.left -= bytes.len() as u64;
            if self.left == 0 {
                self.line = Line::EndOfData;
            }
            return Some(Progress::Part { bytes, content: bytes });
        }
        // The lines around the data.
        let mut read = 0;
        while let Some(&byte) = data.get(read)
            && !matches!(self.line, Line::Data | Line::Over)
        {
            if self.read(byte).is_none() {
                if read == 0 {
                    return Some(Progress::Wrong);
                }
                // What was right goes first.
                break;
            }
            read += 1;
        }
        match take(data, read as u64) {
            Some(bytes) => Some(Progress::Part { bytes, content: &[] }),
            None if self.line == Line::Over => Some(Progress::End),
            None => None,
        }
    }

    /// Reads a byte of a line. `None` if it does not belong there.
    fn read(&mut self, byte: u8) -> Option<()> {
        self.line = match (self.line, byte) {
            (Line::NoDigit | Line::Size, digit) if digit.is_ascii_hexdigit() => {
                let digit = char::from(digit).to_digit(16)?;
                self.left = self.left.checked_mul(16)?.checked_add(u64::from(digit))?;
                Line::Size
            }
            (Line::Size | Line::Extension, b'\n') => {
                if self.left == 0 {
                    Line::Trailer
                } else {
                    Line::Data
                }
            }
            (Line::Size, b'\r' | b';' | b' ' | b'\t') | (Line::Extension, _) => Line::Extension,
            (Line::EndOfData, b'\r') => Line::EndOfData,
            (Line::EndOfData, b'\n') => {
                mem::take(&mut self.left);
                Line::NoDigit
            }
            (Line::Trailer, b'\n') => Line::Over,
            (Line::Trailer, b'\r') | (Line::InTrailer, b'\n') => Line::Trailer,
            (Line::Trailer | Line::InTrailer, _) => Line::InTrailer,
            _ => return None,
        };
        Some(())
    }
}
