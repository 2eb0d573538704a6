//! The trace as one HTML file that needs nothing else.

/// The page that shows a trace; `json` is the trace, `title` names it.
pub(crate) fn render(title: &str, json: &str) -> String {
    let mut page = String::with_capacity(json.len() + 80_000);
    let mut rest = TEMPLATE;
    // The values are put in one by one and not looked at again: they may contain `{{`.
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        page.push_str(before);
        match name {
            "title" => push_text(&mut page, title),
            "css" => page.push_str(CSS),
            "trace" => push_json(&mut page, json),
            "script" => SCRIPTS.iter().for_each(|script| page.push_str(script)),
            _ => {}
        }
        rest = after;
    }
    page.push_str(rest);
    page
}

/// In HTML text.
fn push_text(page: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '&' => page.push_str("&amp;"),
            other => page.push(other),
        }
    }
}

/// In a `script` element, which ends at `</script` and goes mad at `<!--`. In JSON `<` stands in
/// strings only, where it may be written as an escape.
fn push_json(page: &mut String, json: &str) {
    let mut parts = json.split('<');
    page.push_str(parts.next().unwrap_or_default());
    for part in parts {
        page.push_str("\\u003c");
        page.push_str(part);
    }
}

const TEMPLATE: &str = include_str!("page/page.html");
const CSS: &str = include_str!("page/page.css");
const SCRIPTS: [&str; 8] = [
    include_str!("page/model.js"),
    include_str!("page/rows.js"),
    include_str!("page/overview.js"),
    include_str!("page/details.js"),
    include_str!("page/lanes.js"),
    include_str!("page/keyboard.js"),
    include_str!("page/address.js"),
    include_str!("page/main.js"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_sent_cannot_end_the_script() {
        let json = r#"{"raw":"</script><script>alert(1)</script><!-- {{css}}"}"#;
        let page = render("a<b> & {{trace}}", json);
        let embedded =
            r#"{"raw":"\u003c/script>\u003cscript>alert(1)\u003c/script>\u003c!-- {{css}}"}"#;
        assert!(page.contains(&format!(r#"id="trace">{embedded}</script>"#)));
        assert!(page.contains("<title>a&lt;b&gt; &amp; {{trace}}</title>"));
        assert!(!page.contains("alert(1)</script>"));
    }

    #[test]
    fn the_page_asks_for_nothing_from_elsewhere() {
        let page = render("test", "{}");
        for outside in ["http:", "https:", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}
