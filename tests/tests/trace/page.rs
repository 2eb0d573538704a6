//! The page in a browser, used as a person uses it: with a mouse, a finger and a keyboard.

use std::path::{Path, PathBuf};
use std::time::Duration;

use socketio_fixtures::{hello, peer};
use socketio_harness::{Result, Tracing, close, create_app, create_socketio_client};
use socketio_tests::becomes;
use socketio_tests::browser::{Browser, Screen, Tab};

use crate::{directory, file_of_kind};

/// The page of the only app, as the browser is to open it.
fn page(directory: &Path) -> String {
    format!("file://{}", file_of_kind(directory, "html").display())
}

/// Two clients in two namespaces, a wait that fails, and an argument that would like to be HTML.
async fn conversation(test: &str) -> Result<PathBuf> {
    let directory = directory(test);
    let server = hello::Server::new().namespaces(["/", "/test"]);
    let app = create_app(server.router()).trace(Tracing::always(&directory)).await?;
    let alice = create_socketio_client(&app).name("alice").await?;
    let bob = create_socketio_client(&app).name("bob").namespace("/test").await?;
    alice.send_with_ack("myEvent", (1, 2, 3)).await?;
    bob.send("myEvent", (4, 5, 6))?;
    bob.once("myEventResult").await?;
    alice.send("evil", "</script><script>window.evil = true</script><img src=x>")?;
    let missing = alice.once("never").timeout(Duration::from_millis(40)).await;
    missing.expect_err("nobody emits it");
    alice.close().await?;
    bob.close().await?;
    close(app).await?;
    Ok(directory)
}

/// What the rows in sight say, in order.
async fn rows(browser: &mut Browser, tab: Tab) -> Vec<String> {
    const SCRIPT: &str = "[...document.querySelectorAll('.row')]
        .sort((a, b) => a.ariaPosInSet - b.ariaPosInSet)
        .map((row) => row.querySelector('.label').textContent.trim())";
    let rows = browser.evaluate(tab, SCRIPT).await;
    serde_json::from_value(rows).expect("texts")
}

/// The text of an element; empty if it is not shown.
async fn text(browser: &mut Browser, tab: Tab, selector: &str) -> String {
    let script = format!(
        "(() => {{ const found = document.querySelector('{selector}');
            return found?.checkVisibility() ? found.innerText : '' }})()"
    );
    browser.evaluate(tab, &script).await.as_str().unwrap_or_default().to_owned()
}

async fn chosen(browser: &mut Browser, tab: Tab) -> String {
    text(browser, tab, ".row[aria-selected=true] .label").await
}

#[tokio::test]
async fn the_page_filters_by_client_namespace_event_and_text() -> Result {
    let directory = conversation("page-filters").await?;
    let mut browser = Browser::start();
    let tab = browser.open(&page(&directory), Screen::WIDE).await;

    let all = rows(&mut browser, tab).await;
    assert!(all.iter().any(|row| row.starts_with("/test myEvent (4, 5, 6)")), "{all:?}");
    assert!(all.iter().any(|row| row.starts_with("#0 myEvent (1, 2, 3)")), "{all:?}");
    let unescaped = "evil (\"</script><script>window.evil = true</script><img src=x>\")";
    assert!(all.iter().any(|row| row == unescaped), "{all:?}");
    assert_eq!(browser.evaluate(tab, "window.evil === undefined").await, true);

    browser.choose(tab, "#client", "2").await;
    let of_bob = rows(&mut browser, tab).await;
    assert!(of_bob.iter().any(|row| row.starts_with("/test myEventResult")), "{of_bob:?}");
    assert!(!of_bob.iter().any(|row| row.contains("(1, 2, 3)")), "{of_bob:?}");
    assert_eq!(text(&mut browser, tab, "#lanes").await, "ms\nserver\nbob\npacket");
    assert!(browser.evaluate(tab, "location.hash").await.as_str() == Some("#client=2"));

    browser.click(tab, "#reset").await;
    assert_eq!(rows(&mut browser, tab).await, all);
    browser.choose(tab, "#namespace", "/test").await;
    let in_test = rows(&mut browser, tab).await;
    let (notes, packets): (Vec<_>, Vec<_>) =
        in_test.iter().partition(|row| row.starts_with(['•', '✕', '✓']));
    assert!(packets.iter().all(|row| row.starts_with("/test")), "{in_test:?}");
    // The ends of both connections, and the life of the app, belong to every namespace; the event
    // that was awaited belongs to this one.
    assert_eq!((packets.len(), notes.len()), (5, 6), "{in_test:?}");

    browser.click(tab, "#reset").await;
    browser.choose(tab, "#event", "myEvent").await;
    let named = rows(&mut browser, tab).await;
    let named: Vec<_> = named.iter().filter(|row| row.contains("myEvent")).collect();
    // Sent twice, the ack of one, and that the test has got it.
    assert_eq!(named.len(), 4, "{named:?}");

    browser.click(tab, "#reset").await;
    browser.type_into(tab, "#text", "HARRY").await;
    let found = rows(&mut browser, tab).await;
    // An ack and an event.
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(text(&mut browser, tab, "#count").await, format!("2 of {}", all.len()));
    browser.no_problems(tab).await;
    browser.close().await;
    Ok(())
}

#[tokio::test]
async fn a_click_decodes_the_packet_and_leads_to_its_ack() -> Result {
    let directory = conversation("page-click").await?;
    let mut browser = Browser::start();
    let tab = browser.open(&page(&directory), Screen::WIDE).await;
    browser.type_into(tab, "#text", "(1, 2, 3)").await;
    browser.click(tab, ".row[aria-posinset='1']").await;
    let details = text(&mut browser, tab, "#details").await;
    for part in [
        "alice → server",
        "websocket",
        "message",
        "EVENT",
        "Ack id\n0",
        "3 arguments",
        "420[\"myEvent\",1,2,3]",
    ] {
        assert!(details.contains(part), "{part} is not in: {details}");
    }
    // The filter would hide the ack; asked for, it is shown.
    browser.click(tab, "#details dd button").await;
    assert!(chosen(&mut browser, tab).await.starts_with("#0 ack of myEvent"));
    let details = text(&mut browser, tab, "#details").await;
    assert!(details.contains("server → alice"), "{details}");
    assert!(details.contains("\"name\": \"harry\""), "{details}");
    browser.press(tab, "a").await;
    assert!(chosen(&mut browser, tab).await.starts_with("#0 myEvent (1, 2, 3)"));
    browser.no_problems(tab).await;
    browser.close().await;
    Ok(())
}

#[tokio::test]
async fn the_failure_is_marked_and_every_key_does_its_work() -> Result {
    let directory = conversation("page-keys").await?;
    let mut browser = Browser::start();
    let tab = browser.open(&page(&directory), Screen::WIDE).await;

    // The page opens on the first failure.
    let failure = "✕ event \"never\" did not come within 40ms";
    assert!(chosen(&mut browser, tab).await.starts_with(failure));
    assert!(text(&mut browser, tab, "#failures").await.contains("\"never\" did not come"));
    let marked = browser.evaluate(tab, "document.querySelectorAll('.row.failed').length").await;
    assert_eq!(marked, 1);

    browser.press(tab, "Home").await;
    assert!(chosen(&mut browser, tab).await.starts_with("• app created"));
    let second = rows(&mut browser, tab).await.swap_remove(1);
    browser.press(tab, "ArrowDown").await;
    assert_eq!(chosen(&mut browser, tab).await, second);
    browser.press(tab, "End").await;
    assert!(chosen(&mut browser, tab).await.starts_with("• app closed"));
    browser.press(tab, "p").await;
    assert!(chosen(&mut browser, tab).await.starts_with(failure));
    browser.press(tab, "Enter").await;
    assert!(text(&mut browser, tab, "#details").await.contains("never"));
    browser.press(tab, "Escape").await;
    assert_eq!(text(&mut browser, tab, "#details").await, "");

    browser.press(tab, "/").await;
    assert_eq!(browser.evaluate(tab, "document.activeElement.id").await, "text");
    for _ in 0..2 {
        browser.press(tab, "Tab").await;
    }
    assert_eq!(browser.evaluate(tab, "document.activeElement.id").await, "namespace");
    browser.press(tab, "Escape").await;
    assert_eq!(browser.evaluate(tab, "document.activeElement.id").await, "viewport");
    for theme in ["light", "dark", "undefined"] {
        browser.press(tab, "t").await;
        let script = "String(document.documentElement.dataset.theme)";
        assert_eq!(browser.evaluate(tab, script).await, theme);
    }
    browser.press(tab, "?").await;
    assert_eq!(browser.evaluate(tab, "document.querySelector('#help').open").await, true);
    browser.no_problems(tab).await;
    browser.close().await;
    Ok(())
}

/// What the server tells, what was lost, and what the test did to the network.
#[tokio::test]
async fn the_page_shows_the_servers_view_and_the_faults() -> Result {
    let directory = directory("page-server");
    let app = create_app(peer::router()).trace(Tracing::always(&directory)).await?;
    let client = create_socketio_client(&app).name("alice").ready("auth").await?;
    client.send("emit-named", ("before", 1))?;
    client.expect("before").times(1).await;
    let frozen = app.faults().freeze();
    client.send("message", "on its way")?;
    becomes(true, || client.transcript().to_string().contains("on its way")).await;
    app.faults().cut();
    client.disconnected().await?;
    drop(frozen);
    client.close().await?;
    close(app).await?;

    let mut browser = Browser::start();
    let tab = browser.open(&page(&directory), Screen::WIDE).await;
    let all = rows(&mut browser, tab).await;
    for row in [
        "✓ exactly 1 × event \"before\"",
        "fence raised",
        "fence passed",
        "⚡ freeze begins",
        "⚡ cut: every connection has ended",
        "lost message (\"on its way\")",
    ] {
        assert!(all.iter().any(|it| it == row), "{row} is missing: {all:#?}");
    }
    let crosses = browser.evaluate(tab, "document.querySelectorAll('.arrow.lost').length").await;
    assert_eq!(crosses, 1);
    browser.type_into(tab, "#text", "on its way").await;
    browser.click(tab, ".row[aria-posinset='1']").await;
    assert!(text(&mut browser, tab, "#details").await.contains("has never read it"));
    browser.click(tab, "#reset").await;
    browser.type_into(tab, "#text", "(\"before\", 1)").await;
    browser.click(tab, ".row[aria-posinset='1']").await;
    let details = text(&mut browser, tab, "#details").await;
    assert!(details.contains("read it at "), "{details}");
    browser.click(tab, "#reset").await;
    browser.screenshot(tab, &directory.join("page.png")).await;
    browser.no_problems(tab).await;
    browser.close().await;
    Ok(())
}

#[tokio::test]
async fn it_fits_a_phone_and_both_themes() -> Result {
    let directory = conversation("page-screens").await?;
    let mut browser = Browser::start();
    let screens = [Screen::WIDE, Screen::WIDE.dark(), Screen::PHONE, Screen::PHONE.dark()];
    for screen in screens {
        let tab = browser.open(&page(&directory), screen).await;
        browser.press(tab, "Enter").await;
        let ground = "getComputedStyle(document.body).backgroundColor";
        let expected =
            if screen.theme == "dark" { "rgb(15, 18, 22)" } else { "rgb(246, 247, 248)" };
        assert_eq!(browser.evaluate(tab, ground).await, expected);
        // Nothing is cut off at the side, and the row that was chosen is in sight.
        let width = browser.evaluate(tab, "document.documentElement.scrollWidth").await;
        assert_eq!(width, screen.width);
        let in_sight = "(() => { const row = document.querySelector('[aria-selected=true]')
                .getBoundingClientRect();
            const box = document.querySelector('#viewport').getBoundingClientRect();
            return row.top >= box.top - 1 && row.bottom <= box.bottom + 1 })()";
        assert_eq!(browser.evaluate(tab, in_sight).await, true, "{screen:?}");
        let whole = "document.querySelector('.top').getBoundingClientRect().top === 0
            && document.querySelector('#details').getBoundingClientRect().bottom === innerHeight";
        assert_eq!(browser.evaluate(tab, whole).await, true, "{screen:?}");
        let shot = format!("page-{}-{}.png", screen.width, screen.theme);
        browser.screenshot(tab, &directory.join(shot)).await;
        browser.no_problems(tab).await;
    }
    browser.close().await;
    Ok(())
}

#[tokio::test]
async fn ten_thousand_packets_open_and_scroll_with_a_few_dozen_rows() -> Result {
    const CLIENTS: u64 = 5;
    const EACH: u64 = 2_000;
    let directory = directory("page-many");
    let app = create_app(peer::router()).trace(Tracing::always(&directory)).await?;
    for _ in 0..CLIENTS {
        let client = create_socketio_client(&app).await?;
        client.send("burst", EACH)?;
        let mut ticks = client.on("tick");
        for _ in 0..EACH {
            ticks.next().await?;
        }
        client.close().await?;
    }
    close(app).await?;

    let mut browser = Browser::start();
    let tab = browser.open(&page(&directory), Screen::WIDE).await;
    let opened = "Math.round(performance.getEntriesByType('navigation')[0].domComplete)";
    let opened = browser.evaluate(tab, opened).await;
    // A busy machine paints after the page has loaded.
    let painted = "new Promise((done) => new PerformanceObserver((list) => {
        const [paint] = list.getEntriesByName('first-contentful-paint');
        if (paint) done(Math.round(paint.startTime));
    }).observe({ type: 'paint', buffered: true }))";
    let painted = browser.evaluate(tab, painted).await;
    // Tasks of the page that kept it busy for more than 50 ms, those of its opening included.
    let watch = "window.busy = []; new PerformanceObserver((list) =>
        window.busy.push(...list.getEntries().map((task) => Math.round(task.duration)))
    ).observe({ type: 'longtask', buffered: true }); true";
    browser.evaluate(tab, watch).await;
    // From top to bottom in sixty jumps: at each, every row is drawn anew.
    let scroll = "new Promise((done) => {
        const view = document.querySelector('#viewport');
        const frames = { mostRows: 0, blank: 0, steps: 0, times: [] };
        let before;
        const step = (now) => {
            if (frames.steps > 0) frames.times.push(now - before);
            before = now;
            const rows = [...document.querySelectorAll('.row')];
            frames.mostRows = Math.max(frames.mostRows, rows.length);
            const box = view.getBoundingClientRect();
            const middle = document.elementFromPoint(box.left + 40, box.top + box.height / 2);
            if (frames.steps > 0 && !middle.closest('.row')) frames.blank += 1;
            if (frames.steps++ === 60) return done(frames);
            view.scrollTop = (view.scrollHeight - view.clientHeight) * frames.steps / 60;
            // After the page's own frame, which draws what this one scrolled to.
            requestAnimationFrame(() => requestAnimationFrame(step));
        };
        requestAnimationFrame(step);
    })";
    let frames = browser.evaluate(tab, scroll).await;
    let times = frames["times"].as_array().expect("a list").iter();
    let mut times: Vec<_> = times.map(|time| time.as_f64().expect("milliseconds")).collect();
    times.sort_unstable_by(f64::total_cmp);
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    let busy = browser.evaluate(tab, "window.busy").await;
    eprintln!(
        "10,000 packets: first painted after {painted} ms, opened in {opened} ms; long tasks {busy} ms; \
         two frames while scrolling: median {median:.0} ms, longest {longest:.0} ms"
    );
    let total = browser.evaluate(tab, "document.querySelector('.row').ariaSetSize").await;
    let total: u64 = total.as_str().and_then(|total| total.parse().ok()).expect("a number");
    assert!(total > CLIENTS * EACH, "{total}");
    assert_eq!(frames["blank"], 0, "{frames}");
    assert!(frames["mostRows"].as_u64().is_some_and(|rows| rows < 60), "{frames}");
    browser.press(tab, "End").await;
    assert!(chosen(&mut browser, tab).await.starts_with("• app closed"));
    browser.choose(tab, "#client", "3").await;
    browser.choose(tab, "#event", "tick").await;
    browser.choose(tab, "#show", "events").await;
    let count = text(&mut browser, tab, "#count").await;
    assert!(count.starts_with("2,00"), "{count}");
    browser.no_problems(tab).await;
    browser.close().await;
    Ok(())
}
