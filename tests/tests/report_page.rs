//! The report of a conformance run as a page, used as a person uses it.

use std::error::Error;
use std::path::Path;

use serde_json::{Value, json};
use socketio_conformance::{Report, Runner, Subject, cases, select};
use socketio_fixtures::broken::{self, Defect};
use socketio_harness::{close, create_app};
use socketio_tests::browser::{Browser, Screen, Tab};

const FAILING: &str = "sio.ack.answers_with_the_same_id";
const PASSING: &str = "sio.ack.carries_binary_attachments";

async fn judge(defect: Option<Defect>) -> Result<Report, Box<dyn Error>> {
    let app = create_app(broken::router(defect)).await?;
    let cases = select(cases(), &["sio.ack".to_owned(), "sio.connect.joins".to_owned()])?;
    let report = Runner::new(Subject::parse(&app.url())?, cases).run().await;
    close(app).await?;
    Ok(report)
}

/// The page of a sound server beside one that gives acks ids of its own, written to a file.
async fn page(directory: &Path) -> Result<String, Box<dyn Error>> {
    let sound = judge(None).await?;
    // By way of the file that a run before would have left.
    let earlier = judge(Some(Defect::CountsAcks)).await?.to_json().to_string();
    let path = directory.join("report.html");
    std::fs::write(&path, sound.html().beside([&Report::from_json(&earlier)?]).to_string())?;
    Ok(format!("file://{}", path.display()))
}

/// The cases in sight, and whether each is open.
async fn cases_in_sight(browser: &mut Browser, tab: Tab) -> Value {
    const SCRIPT: &str = "[...document.querySelectorAll('.case')]
        .filter((row) => row.checkVisibility())
        .map((row) => [row.querySelector('code').textContent, row.open])";
    browser.evaluate(tab, SCRIPT).await
}

#[tokio::test]
async fn the_page_opens_what_fails_and_hides_what_passes() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let page = page(directory.path()).await?;
    let mut browser = Browser::start();

    let tab = browser.open(&page, Screen::WIDE).await;
    let expected = json!([
        ["sio.connect.joins_the_main_namespace", false],
        ["sio.connect.joins_a_custom_namespace", false],
        [FAILING, true],
        [PASSING, false],
        ["sio.ack.closes_on_an_invalid_id", false],
    ]);
    assert_eq!(cases_in_sight(&mut browser, tab).await, expected);
    let words = format!(
        "[...document.getElementById('{FAILING}').closest('.case')
        .querySelectorAll('.word')].map((word) => word.textContent)"
    );
    assert_eq!(browser.evaluate(tab, &words).await, json!(["pass", "FAIL"]));
    let frames = "[...document.querySelectorAll('.transcript[open] .received .frame')]
        .some((frame) => frame.checkVisibility() && frame.textContent.startsWith('43'))";
    assert_eq!(browser.evaluate(tab, frames).await, true);

    browser.click(tab, "#departures").await;
    assert_eq!(cases_in_sight(&mut browser, tab).await, json!([[FAILING, true]]));

    // A link to a case opens it, hidden or not.
    browser.evaluate(tab, &format!("location.hash = '{PASSING}'")).await;
    let expected = json!([[FAILING, true], [PASSING, true]]);
    assert_eq!(cases_in_sight(&mut browser, tab).await, expected);
    let tab = browser.open(&format!("{page}#{PASSING}"), Screen::WIDE).await;
    let shown = format!("document.getElementById('{PASSING}').checkVisibility()");
    assert_eq!(browser.evaluate(tab, &shown).await, true);
    browser.no_problems(tab).await;
    browser.close().await;
    Ok(())
}

#[tokio::test]
async fn it_fits_every_screen_and_both_themes() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let page = page(directory.path()).await?;
    let mut browser = Browser::start();
    for screen in [Screen::WIDE, Screen::WIDE.dark(), Screen::PHONE, Screen::NARROW.dark()] {
        let tab = browser.open(&page, screen).await;
        let ground = "getComputedStyle(document.body).backgroundColor";
        let expected =
            if screen.theme == "dark" { "rgb(15, 18, 22)" } else { "rgb(246, 247, 248)" };
        assert_eq!(browser.evaluate(tab, ground).await, expected);
        // Nothing is cut off at the side, nor does it lie over its neighbour.
        let width = browser.evaluate(tab, "document.documentElement.scrollWidth").await;
        assert_eq!(width, screen.width, "{screen:?}");
        let apart = "[...document.querySelectorAll('.case > summary')].every((row) => {
            const parts = [...row.children].filter((part) => part.checkVisibility())
                .map((part) => part.getBoundingClientRect());
            return parts.every((part, at) => at === 0 || parts[at - 1].right <= part.left + 0.5);
        })";
        assert_eq!(browser.evaluate(tab, apart).await, true, "{screen:?}");
        browser.no_problems(tab).await;
    }
    browser.close().await;
    Ok(())
}
