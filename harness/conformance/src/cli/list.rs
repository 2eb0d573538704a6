use std::fmt;

use socketio_conformance::Case;
use textwrap::Options;

/// The cases by section, each with its level and its requirement.
pub(crate) struct List<'a>(pub(crate) &'a [Case]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = None;
        for case in self.0 {
            if section != Some(case.section()) {
                let gap = if section.replace(case.section()).is_some() { "\n" } else { "" };
                writeln!(f, "{gap}{} ({})", case.section(), case.section().source())?;
            }
            writeln!(f, "  {:<70} {:>6}", case.id(), case.level())?;
            let options = Options::new(80).initial_indent("    ").subsequent_indent("    ");
            writeln!(f, "{}", textwrap::fill(case.requirement(), options))?;
        }
        Ok(())
    }
}
