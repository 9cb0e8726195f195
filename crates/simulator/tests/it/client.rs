//! A small client: send, read everything, find the parts.

use imagemill_simulator::{Scenario, Simulator, SimulatorOptions};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// A running simulator and a client for it.
pub(crate) struct Rig {
    pub(crate) simulator: Simulator,
    pub(crate) http: reqwest::Client,
}

/// An answer, read to its end or to where it broke off.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// Whether the connection ended before the answer did.
    pub(crate) broken: bool,
}

pub(crate) fn http() -> reqwest::Client {
    // fails when another test was first, which is as good
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl Rig {
    pub(crate) async fn start(scenario: Scenario) -> Self {
        Self::start_with(SimulatorOptions { scenario, ..SimulatorOptions::default() }).await
    }

    pub(crate) async fn start_with(options: SimulatorOptions) -> Self {
        Self { simulator: Simulator::start(options).await.unwrap(), http: http() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.simulator.base_url())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.http.post(self.url(path)).json(body)).await
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send(self.http.get(url)).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let mut response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        let broken = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        Answer { status, headers, bytes, broken }
    }

    /// A chat with one user message of words.
    pub(crate) async fn chat(&self, model: &str) -> Answer {
        self.post("chat/completions", &chat(model, "a red house", &[])).await
    }

    /// A small picture through the images endpoint.
    pub(crate) async fn generate(&self, model: &str, prompt: &str) -> Answer {
        self.post("images/generations", &json!({"model": model, "prompt": prompt, "size": "24x16"})).await
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Events as (name, data); data is null for `[DONE]`.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let blocks = self.text().split("\n\n").filter(|block| !block.trim().is_empty());
        blocks
            .filter(|block| !block.starts_with(':'))
            .map(|block| {
                let line = |prefix: &str| block.lines().find_map(|line| line.strip_prefix(prefix)).unwrap_or_default();
                (line("event: ").to_owned(), serde_json::from_str(line("data: ")).unwrap_or(Value::Null))
            })
            .collect()
    }

    /// The words of all deltas.
    pub(crate) fn streamed_content(&self) -> String {
        let deltas = self
            .events()
            .into_iter()
            .filter_map(|(_, data)| data["choices"][0]["delta"]["content"].as_str().map(str::to_owned));
        deltas.collect()
    }

    pub(crate) fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A chat request with words and pictures.
pub(crate) fn chat(model: &str, prompt: &str, pictures: &[String]) -> Value {
    let mut parts = vec![json!({"type": "text", "text": prompt})];
    parts.extend(pictures.iter().map(|url| json!({"type": "image_url", "image_url": {"url": url}})));
    json!({
        "model": model,
        "messages": [{"role": "system", "content": ""}, {"role": "user", "content": parts}],
        "image_config": {"size": "24x16"},
    })
}

pub(crate) fn data_url(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", base64_simd::STANDARD.encode_to_string(bytes))
}

/// The bytes of every data URL in a text, in order.
pub(crate) fn pictures_in(text: &str) -> Vec<Vec<u8>> {
    let found = text.split("data:image/").skip(1).map(|rest| {
        let base64 = rest.split_once(";base64,").unwrap().1;
        let end = base64.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+/=".contains(letter));
        decode(&base64[..end.unwrap_or(base64.len())])
    });
    found.collect()
}

pub(crate) fn decode(base64: &str) -> Vec<u8> {
    base64_simd::STANDARD.decode_to_vec(base64).unwrap()
}

/// Width and height after a full decode; panics when the bytes are no sound picture.
pub(crate) fn size_of(bytes: &[u8]) -> (u32, u32) {
    let limits = imagemill_imaging::Limits::default();
    let found = imagemill_imaging::ingest(imagemill_imaging::Bytes::Memory(bytes), &limits).unwrap();
    (found.width, found.height)
}

/// The one link in a text.
pub(crate) fn link_in(text: &str) -> String {
    let from = text.find("http://").expect("there is a link");
    let end = text[from..].find([')', '"', ' ', '\n', '\\']).unwrap_or(text.len() - from);
    text[from..from + end].to_owned()
}
