"""What a person sees and does at the dashboard: one test each."""
from __future__ import annotations

import threading
from pathlib import Path
from typing import Callable

from selenium.webdriver.common.keys import Keys
from websockets.sync.client import connect

from stage import Page, Publisher, Stage, Traffic, dev_server, elsewhere, guarded_broker, until

ROOT = Path(__file__).resolve().parents[2]

TESTS: list[Callable[[Stage], None]] = []


def test(function: Callable[[Stage], None]) -> Callable[[Stage], None]:
    TESTS.append(function)
    return function


@test
def an_empty_broker_says_what_to_do(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    until(lambda: page.is_shown("#empty"), "the empty state is shown")
    assert "wspub -t clicks -m 6" in page.text("#empty")


@test
def a_total_is_seen_to_change(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    stage.publisher.publish("clicks", 6)
    until(lambda: page.row("clicks") == "6", "the row says 6")
    stage.publisher.publish("clicks", 1200)
    until(lambda: page.row("clicks") == "1,206", "the row says 1,206")
    until(lambda: "/s" in page.row("clicks", ".rate"), "the row says how often it changes")
    assert not page.is_shown("#empty")
    assert page.row_attribute("clicks", ".line", "d").startswith("M"), "there is no line"


@test
def one_publishes_from_the_page(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    answer = lambda: page.text("#answer")  # noqa: E731
    page.fill("#publish-topic", "clicks/mine")
    page.fill("#publish-data", "6")
    page.find("#publish [type=submit]").click()
    until(lambda: answer() == "clicks/mine is now 6", "the acknowledgement tells the total")
    page.fill("#publish-data", "5" + Keys.ENTER)
    until(lambda: answer() == "clicks/mine is now 11", "Enter publishes too")
    until(lambda: page.row("clicks/mine") == "11", "the row says 11")
    page.fill("#publish-data", "six" + Keys.ENTER)
    until(lambda: 'quotes: "six"' in answer(), "it is told that this is not JSON")
    assert page.find("#publish-data").get_attribute("aria-invalid") == "true"
    page.fill("#publish-data", '"six"' + Keys.ENTER)
    until(lambda: "not_a_number" in answer(), "the broker's refusal is told")
    page.fill("#publish-topic", "clicks/big")
    page.fill("#publish-data", "9223372036854775807" + Keys.ENTER)
    until(lambda: answer().endswith("9,223,372,036,854,775,807"), "no digit is lost on the way")
    until(lambda: page.row("clicks/big") == "9,223,372,036,854,775,807", "nor in the row")
    page.fill("#publish-topic", "notice")
    page.fill("#publish-data", '"back soon"')
    page.find("#publish [name=retain]").click()
    page.find("#publish [type=submit]").click()
    until(lambda: answer() == "Published, change 1 of notice.", "an event has no total")
    page.open(stage.url)
    until(lambda: page.row("notice") == "back soon", "what is retained is there after a reload")


@test
def every_kind_of_value_is_drawn_as_what_it_is(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    traffic = Traffic(stage.broker.url)
    kinds = {
        "clicks/home": "number", "clicks-per-10s": "windows", "latency/api": "bars", "latency/spread": "histogram",
        "latency/average": "number", "pages/top": "ranking", "pages/visitors": "number", "requests": "event",
        "factory/power/max": "number",
    }
    try:
        for topic, kind in kinds.items():
            until(lambda: page.script("return [...document.querySelectorAll('#list a')]"
                                      ".some((a) => a.textContent === arguments[0])", topic), f"{topic} is there")
            page.show_row(topic)
            until(lambda: page.row_attribute(topic, ".strip", "data-kind") == kind, f"{topic} is drawn as {kind}")
        until(lambda: page.row("pages/top", ".bars li .label") == "/home", "the ranking begins with the first")
        until(lambda: page.row("latency/api", ".made") == "quantile", "the aggregator is told")
    finally:
        traffic.stop()


@test
def an_alert_turns_red_and_back(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    stage.publisher.publish("factory/kiln/power", 400)
    until(lambda: page.row("factory/kiln/power") == "400", "the machine is there")
    assert not page.is_shown("#banner")
    stage.publisher.publish("factory/kiln/power", 612)
    until(lambda: page.is_shown("#banner"), "there is a red line over everything")
    until(lambda: "kiln draws 612 kW" in page.text("#standing"), "it stands in the list")
    until(lambda: page.is_red("factory/alerts"), "the topic is red")
    assert page.driver.title.startswith("(1) alert"), page.driver.title
    assert "raised" in page.text("#spoken") and "kiln" in page.text("#spoken"), "a screen reader is not told"
    page.open(stage.url)
    until(lambda: page.is_shown("#banner"), "it still stands after a reload")
    stage.publisher.publish("factory/kiln/power", 300)
    until(lambda: not page.is_shown("#banner"), "the line is gone")
    until(lambda: not page.is_red("factory/alerts"), "the topic is not red any more")
    until(lambda: "kiln is back at 300 kW" in page.text("#history"), "the history tells of it")
    assert page.driver.title == "wsbroker"


@test
def it_recovers_from_a_broker_that_is_killed(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    stage.publisher.publish("clicks/kill", 7)
    until(lambda: page.row("clicks/kill") == "7", "the row says 7")
    page.fill("#publish-topic", "clicks/kill")
    page.fill("#publish-data", "1" + Keys.ENTER)
    until(lambda: page.text("#answer") == "clicks/kill is now 8", "the page has published")
    stage.broker.kill()
    stage.publisher.close()
    until(lambda: not page.is_live(), "the page says that it is not live")
    page.fill("#publish-data", "2" + Keys.ENTER)
    until(lambda: "No connection" in page.text("#answer"), "the page says that it could not be sent yet")
    stage.broker.start()
    until(page.is_live, "it is live again, by itself")
    until(lambda: page.text("#answer") == "clicks/kill is now 10", "what was published meanwhile counts once")
    until(lambda: page.row("clicks/kill") == "10", "the row goes on")
    stage.publisher.publish("clicks/kill", 1)
    until(lambda: page.row("clicks/kill") == "11", "and is live")
    page.faults()  # the attempts that failed are in the console, rightly


@test
def the_keyboard_reaches_everything(stage: Stage) -> None:
    page = stage.page
    for name in ("a", "b", "c"):
        stage.publisher.publish(f"clicks/key-{name}", 1)
    page.open(stage.url)
    focus = lambda: page.script("return document.activeElement.id || document.activeElement.textContent")  # noqa: E731
    page.press(Keys.TAB)
    assert "Skip" in focus(), focus()
    page.press("/")
    assert focus() == "search", focus()
    page.press("clicks/+")
    until(lambda: page.text("#shown").startswith(f"{count(page)} of "), "a filter filters")
    page.press(Keys.BACKSPACE * len("clicks/+"), "key-")
    until(lambda: count(page) == 3, "three topics are left")
    page.press(Keys.TAB)
    while not focus().startswith("clicks/key"):
        assert page.script("return document.activeElement !== document.body"), "the focus got lost"
        assert page.script("return document.activeElement.matches(':focus-visible')"), "the focus is not visible"
        page.press(Keys.TAB)
    page.press(Keys.ARROW_DOWN)
    assert focus() == "clicks/key-b", focus()
    page.press(Keys.END)
    assert focus() == "clicks/key-c", focus()
    page.press(Keys.ENTER)
    until(lambda: page.is_shown("#detail"), "Enter opens the topic")
    assert page.text("#detail-name") == "clicks/key-c"
    assert page.driver.current_url.endswith("#clicks%2Fkey-c")
    page.press(Keys.ESCAPE)
    until(lambda: not page.is_shown("#detail"), "Escape closes it")
    until(lambda: focus() == "clicks/key-c", "and the focus is where it was")
    page.press(Keys.ENTER)
    until(lambda: page.is_shown("#detail"), "it opens again")
    page.press(Keys.TAB, Keys.ENTER)
    until(lambda: focus() == "publish-data", "'Publish here' goes to the value")
    page.press("4", Keys.ENTER)
    until(lambda: page.text("#answer") == "clicks/key-c is now 5", "and publishes to the topic")


def count(page: Page) -> int:
    return page.script("return document.querySelectorAll('#list > li:not([hidden])').length")


@test
def a_topic_has_a_page_of_its_own_by_its_address(stage: Stage) -> None:
    page = stage.page
    stage.publisher.publish("clicks/alone", 3)
    page.open(stage.url + "#clicks%2Falone")
    until(lambda: page.is_shown("#detail") and page.text("#detail .figure") == "3", "the topic is shown")
    until(lambda: page.script("return document.querySelector('#detail canvas')?.height > 0"), "Chart.js draws it")
    stage.publisher.publish("clicks/alone", 4)
    until(lambda: page.text("#detail .figure") == "7", "and lives")
    page.driver.back()


@test
def it_is_readable_light_and_dark(stage: Stage) -> None:
    page = stage.page
    for scheme in ("light", "dark"):
        page.open(stage.url, scheme=scheme)
        for ink, paper, least in (("ink", "paper", 7), ("muted", "paper", 4.5), ("muted", "panel", 4.5),
                                  ("data", "paper", 4.5), ("alarm", "paper", 4.5), ("alarm", "alarm-wash", 4.5),
                                  ("muted", "alarm-wash", 4.5), ("wait", "paper", 4.5), ("edge", "paper", 3),
                                  ("edge", "panel", 3)):
            contrast = page.script(CONTRAST, ink, paper)
            assert contrast >= least, f"{ink} on {paper}, {scheme}: {contrast:.2f}"
    assert page.find("#theme").get_attribute("aria-pressed") == "true"
    page.find("#theme").click()
    background = "return getComputedStyle(document.documentElement).backgroundColor"
    chosen = page.script(background)
    page.driver.refresh()
    until(page.is_live, "it is live")
    assert page.script(background) == chosen, "the choice is not kept"


CONTRAST = """
    const probe = document.body.appendChild(document.createElement("i"));
    const [a, b] = [...arguments].map((name) => {
        probe.style.color = `var(--${name})`;
        const [r, g, b] = getComputedStyle(probe).color.match(/[\\d.]+/g).map((x) => x / 255)
            .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    });
    probe.remove();
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
"""


@test
def a_screen_reader_finds_its_way(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    unnamed = page.script("""
        return [...document.querySelectorAll("input, button, output, dialog, section, main, ul[id], ol[id]")]
            .filter((e) => !e.labels?.length && !e.ariaLabel && !e.getAttribute("aria-labelledby")
                && !e.textContent.trim() && e.ariaHidden !== "true" && !e.closest("template"))
            .map((e) => e.outerHTML.slice(0, 80))""")
    assert not unnamed, unnamed
    for landmark in ("header", "main", "aside", "footer", "search"):
        assert page.find(landmark), landmark
    assert page.find("#state").get_attribute("role") == "status"
    loud = page.script("return document.querySelectorAll('#list [aria-live], #list [role=status]').length")
    assert loud == 0, "values are read out as they change"


@test
def a_phone_has_room_for_it(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url, 390, 844)
    until(lambda: count(page) > 5, "the topics are there")
    for _ in range(2):
        assert page.script("return document.documentElement.scrollWidth") == 390, "it scrolls sideways"
        page.script("scrollTo(0, document.body.scrollHeight / 2)")
    page.script("scrollTo(0, 0)")
    assert not page.is_shown("#publish")
    page.find("#publishing summary").click()
    assert page.is_shown("#publish")
    small = page.script("""
        return [...document.querySelectorAll("button, input, summary")].filter((e) => e.checkVisibility())
            .filter((e) => Math.min(e.getBoundingClientRect().height, e.getBoundingClientRect().width) < 16)
            .map((e) => e.outerHTML)""")
    assert not small, small


@test
def a_thousand_topics_scroll(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    publish_many(stage.broker.url, 1000)
    page.press("/")
    page.press("many/")
    until(lambda: count(page) == 1000, "a thousand rows are there")
    built = page.script("return document.querySelectorAll('#list .strip').length")
    assert built < 200, f"{built} rows were built before they were seen"
    changing = threading.Thread(target=publish_many, args=(stage.broker.url, 20_000))
    changing.start()
    frames = page.driver.execute_async_script(SCROLL)
    changing.join()
    median, slowest = sorted(frames)[len(frames) // 2], max(frames)
    print(f"  {len(frames)} frames while it scrolls and changes: median {median:.0f} ms, slowest {slowest:.0f} ms")
    assert median < 50, "it does not scroll smoothly"
    until(lambda: page.row("many/999") == "1", "the last row is up to date")


def publish_many(url: str, publishes: int) -> None:
    """Goes on publishing to a thousand topics, and does not wait for each."""
    with connect(url, subprotocols=["wsbroker.v1.json"]) as socket:
        for i in range(publishes):
            topic = i if publishes == 1000 else i % 900
            socket.send(f'{{"op":"pub","topic":"many/{topic}","data":1}}')
        socket.send('{"op":"ping","id":1}')
        socket.recv(timeout=30)


SCROLL = """
    const done = arguments[0];
    const frames = [];
    let last = performance.now();
    const step = (now) => {
        frames.push(now - last);
        last = now;
        scrollBy(0, 700);
        if (scrollY + innerHeight < document.body.scrollHeight - 1 && frames.length < 600) requestAnimationFrame(step);
        else done(frames.slice(1));
    };
    requestAnimationFrame(step);
"""


@test
def the_brokers_figures_are_told(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    until(lambda: page.is_shown("#figures"), "the figures are shown")
    until(lambda: page.text("#store-state") == "ok", "the store's state is told")
    until(lambda: page.text("[data-figure=connections] .figure").replace(",", "").isdigit(), "the clients are counted")
    until(lambda: "/s" in page.text("[data-figure=publishes] .figure"), "publishes are told by the second")
    until(lambda: "up " in page.text("#about"), "how long it runs is told")


@test
def it_does_without_figures_and_without_chart_js(stage: Stage) -> None:
    page = stage.page
    with dev_server(stage, "--no-sys", "--no-chart") as url:
        stage.publisher.publish("clicks/plain", 3)
        page.open(url + "#clicks%2Fplain")
        until(lambda: page.is_shown("#detail"), "the topic is shown")
        until(lambda: page.script("return document.querySelector('#detail .plot .line')?.getAttribute('d')"),
              "a line of its own is drawn")
        assert not page.is_shown("#figures")
        missing = [fault for fault in page.faults() if "chart.js" not in fault]
        assert not missing, missing


@test
def it_asks_for_a_token_where_one_is_wanted(stage: Stage) -> None:
    page = stage.page
    with guarded_broker(stage.broker.program, {"viewer": "secret"}) as broker:
        page.driver.get(broker.page)
        until(lambda: page.is_shown("#credentials"), "a token is asked for")
        page.fill("#token", "wrong" + Keys.ENTER)
        until(lambda: "not known" in page.text("#credentials-reason"), "a wrong one is told")
        until(lambda: page.is_shown("#credentials"), "and asked for again")
        page.fill("#token", "secret" + Keys.ENTER)
        until(page.is_live, "the right one opens")
        page.driver.refresh()
        until(page.is_live, "and is kept for this tab")
        page.driver.get("about:blank")  # or it would miss the broker


@test
def who_may_read_only_a_part_reads_that(stage: Stage) -> None:
    page = stage.page
    rules = [{"allow": ["subscribe"], "principal": "viewer", "topics": ["clicks/+"]},
             {"allow": ["publish"], "principal": "meter"}]
    with guarded_broker(stage.broker.program, {"viewer": "secret", "meter": "other"}, rules) as broker:
        publisher = Publisher(broker.url, "other")
        publisher.publish("clicks/part", 1)
        publisher.publish("clicks", 1)
        page.driver.get(broker.page)
        page.script("sessionStorage.setItem('wsbroker-token', 'secret')")
        page.driver.refresh()
        until(lambda: page.row("clicks/part") == "1", "the part is read")
        publisher.publish("clicks/part", 2)
        until(lambda: page.row("clicks/part") == "3", "live")
        assert page.row("clicks") == "" and not page.is_shown("#refused")
        page.driver.get(broker.page + "?filter=clicks")
        until(lambda: page.is_shown("#refused"), "it is told what may not be read that was asked for")
        page.driver.get("about:blank")  # or it would miss the broker
        publisher.close()


@test
def no_odd_value_breaks_the_page(stage: Stage) -> None:
    page = stage.page
    page.open(stage.url)
    odd = ["<img src=x onerror=alert(1)>", {"items": [None], "total": 1}, {"buckets": [1], "count": 1}, {"text": 5},
           {"__proto__": {"value": 1}}, {"p50": "x"}, [[[]]], "\u202e\u0000", "x" * 60_000, {"value": 1e308},
           {"text": {}}]
    for i, data in enumerate(odd):
        stage.publisher.publish(f"odd/{i}", data, retain=True)
    stage.publisher.publish("odd/<b>&amp;\"'", 5)
    last = len(odd) - 1
    until(lambda: count(page) > last, "all of it is there")
    for i in range(len(odd)):
        page.show_row(f"odd/{i}")
        until(lambda: page.row(f"odd/{i}") != "", "it is shown")
        page.script("location.hash = arguments[0]", f"odd%2F{i}")
        until(lambda: page.is_shown("#detail") and page.text("#detail pre") != "", "and by itself")
        page.script("document.getElementById('detail').close()")
    assert page.script("return document.querySelectorAll('#list img, #list b').length") == 0


@test
def the_example_counts_a_click_that_is_made_while_the_broker_is_down(stage: Stage) -> None:
    page = stage.page
    stage.publisher.publish("clicks", 0)
    before = stage.publisher.publish("clicks", 0)["data"]
    with elsewhere(stage, ROOT / "Examples") as place:
        page.driver.get(f"{place}browser.html?{stage.url.rstrip('/')}")
        total = lambda: page.text("#total")  # noqa: E731
        until(lambda: total() == str(before), "the total is told")
        page.find("#click").click()
        until(lambda: total() == str(before + 1), "a click counts")
        stage.broker.kill()
        stage.publisher.close()
        until(lambda: page.text("#state") != "open", "it is told that there is no connection")
        page.find("#click").click()
        stage.broker.start()
        until(lambda: total() == str(before + 2), "the click counts")
        page.faults()
