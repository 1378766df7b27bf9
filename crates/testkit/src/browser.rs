//! Chromium without a window, driven by `chromedriver` in the WebDriver protocol (W3C), which is JSON over HTTP. The crates
//! that speak it bring a second HTTP client, or code under a licence that is not allowed here, and a test needs a dozen calls.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::process::{PATIENCE, Process, free_port};
use crate::tools;

/// The name of an element's number in answers (WebDriver, section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Between two looks at what is not there yet.
const PAUSE: Duration = Duration::from_millis(50);

/// A browser with one tab. It ends when it is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Process,
    http: reqwest::Client,
    port: u16,
    /// The session's URL.
    session: String,
}

/// What a page looks like to its browser.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Whether the reader's system is set to dark colours.
    pub dark: bool,
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Panics
    /// When it does not start, with what the driver said.
    pub async fn start() -> Self {
        tools::ensure("chromium");
        let port = free_port();
        let mut command = tools::command("chromedriver");
        command.arg(format!("--port={port}"));
        let mut driver = Process::spawn("chromedriver", command);
        driver.wait_for_port(([127, 0, 0, 1], port).into());
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        // Root has no sandbox of its own, and containers have a small /dev/shm.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-proxy-server",
        ];
        let options = json!({ "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let base = format!("http://127.0.0.1:{port}/session");
        let answer =
            http.post(&base).json(&wanted).timeout(PATIENCE).send().await.expect("the driver answers");
        let answer: Value = answer.json().await.expect("the driver answers in JSON");
        let id = answer["value"]["sessionId"].as_str();
        let id = id.unwrap_or_else(|| panic!("no browser but {answer}:\n{}", driver.output()));
        Self { session: format!("{base}/{id}"), driver, http, port }
    }

    /// Opens an address and waits until the page is there.
    pub async fn open(&self, url: &str) {
        self.post("url", json!({ "url": url })).await;
    }

    /// The address of the page that is open.
    pub async fn address(&self) -> String {
        let address = self.get("url").await;
        address.as_str().expect("an address is text").to_owned()
    }

    /// Waits until the first element that this CSS selector means shows this text, among other.
    ///
    /// # Panics
    /// When it does not, with what it shows.
    pub async fn shows(&self, selector: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = match self.find(selector).await {
                Ok(element) => self.send(&format!("element/{element}/text"), None).await,
                Err(error) => Err(error),
            };
            if shown.as_ref().is_ok_and(|shown| shown.as_str().is_some_and(|shown| shown.contains(text))) {
                return;
            }
            assert!(Instant::now() < deadline, "{selector} does not show `{text}` but {shown:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// How many elements a selector means.
    pub async fn count(&self, selector: &str) -> usize {
        let found = self.post("elements", json!({ "using": "css selector", "value": selector })).await;
        found.as_array().expect("a list of elements").len()
    }

    /// Clicks on the first element that a selector means.
    pub async fn click(&self, selector: &str) {
        self.act(selector, "click", json!({})).await;
    }

    /// Writes into a field in the place of what is there.
    pub async fn write(&self, selector: &str, text: &str) {
        self.act(selector, "clear", json!({})).await;
        self.act(selector, "value", json!({ "text": text })).await;
    }

    /// Sets what the page looks like from now on.
    pub async fn look(&self, Look { width, height, dark }: Look) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.command("Emulation.setDeviceMetricsOverride", size).await;
        let theme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.command("Emulation.setEmulatedMedia", media).await;
    }

    /// Turns the page's scripts off, or on again.
    pub async fn scripts(&self, on: bool) {
        self.command("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// The value of an expression of JavaScript in the page.
    pub async fn value(&self, expression: &str) -> Value {
        self.post("execute/sync", json!({ "script": format!("return {expression}"), "args": [] })).await
    }

    /// A picture of the whole page, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        let options = json!({ "format": "png", "captureBeyondViewport": true });
        let answer = self.command("Page.captureScreenshot", options).await;
        BASE64_STANDARD.decode(answer["data"].as_str().expect("a picture")).expect("base64")
    }

    /// What the browser complained of since it was last asked: violations of a page's policy, files that are not there.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", json!({ "type": "browser" })).await;
        let messages = log.as_array().expect("a list of messages").iter();
        messages.filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect()
    }

    async fn command(&self, name: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({ "cmd": name, "params": parameters })).await
    }

    /// Does something to an element as soon as it is there: the page may be on its way, or its element gone with it.
    async fn act(&self, selector: &str, what: &str, body: Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let done = match self.find(selector).await {
                Ok(element) => self.send(&format!("element/{element}/{what}"), Some(&body)).await,
                Err(error) => Err(error),
            };
            let Err(error) = done else { return };
            assert!(Instant::now() < deadline, "{what} {selector}: {error}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn find(&self, selector: &str) -> Result<String, Value> {
        let asked = json!({ "using": "css selector", "value": selector });
        let found = self.send("element", Some(&asked)).await?;
        Ok(found[ELEMENT].as_str().expect("an element has a number").to_owned())
    }

    async fn get(&self, path: &str) -> Value {
        self.send(path, None).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let sent = self.send(path, Some(&body)).await;
        sent.unwrap_or_else(|error| panic!("{path} {body}: {error}\n{}", self.driver.output()))
    }

    async fn send(&self, path: &str, body: Option<&Value>) -> Result<Value, Value> {
        let url = format!("{}/{path}", self.session);
        let request = match body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let answer = request.timeout(PATIENCE).send().await.expect("the driver answers");
        let good = answer.status().is_success();
        let mut answer: Value = answer.json().await.expect("the driver answers in JSON");
        let value = answer["value"].take();
        if good { Ok(value) } else { Err(value) }
    }
}

impl Drop for Browser {
    /// A browser whose driver is killed would stay.
    fn drop(&mut self) {
        let path = self.session.split_once("/session/").map_or("", |(_, id)| id);
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let request =
                format!("DELETE /session/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            // It may have crashed: then there is nothing to end.
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = stream.read(&mut [0; 64]);
        }
    }
}
