//! A daemon whose work directory is a temporary one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paddock_daemon::environment::Environment;
use paddock_daemon::http::{Daemon, router};
use paddock_wire::toolbox::process::Executed;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub type Socket = (WebSocketStream<MaybeTlsStream<TcpStream>>, tungstenite::handshake::client::Response);
pub type Refused = tungstenite::Error;

pub struct Sandbox {
    pub dir: tempfile::TempDir,
    pub home: tempfile::TempDir,
    pub address: SocketAddr,
    client: Client,
    server: JoinHandle<()>,
}

impl Sandbox {
    pub async fn start() -> Self {
        Self::with(|_| Environment::inherited()).await
    }

    /// With variables that depend on where it is.
    pub async fn with(environment: impl FnOnce(&Path) -> Environment) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let work_dir = dir.path().canonicalize().expect("exists");
        let home = tempfile::tempdir().expect("temp dir");
        let environment = environment(&work_dir);
        let daemon = Daemon::in_dirs(work_dir, home.path().to_owned(), environment);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let app = router::router(Arc::new(daemon));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serves") });
        Self { dir, home, address, client: Client::new(), server }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("mkdir");
        std::fs::write(path, content).expect("write");
    }

    /// A script that can be run. Another process writes it: what this one has open for writing cannot be run, and a
    /// child that another test is starting has it open too until it has become its own program.
    pub async fn write_program(&self, name: &str, content: &str) {
        self.write("draft", content);
        let write = format!("mkdir -p \"$(dirname {name})\" && cp draft {name} && chmod 755 {name}");
        assert_eq!(self.execute(&write).await, (0, String::new()));
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("read")
    }

    pub fn request(&self, method: Method, path_and_query: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path_and_query}", self.address))
    }

    pub async fn get(&self, path_and_query: &str) -> Answer {
        answer(self.request(Method::GET, path_and_query)).await
    }

    pub async fn post(&self, path_and_query: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path_and_query).json(&body)).await
    }

    pub async fn delete(&self, path_and_query: &str) -> Answer {
        answer(self.request(Method::DELETE, path_and_query)).await
    }

    /// Upgrades; the error has the status of a refusal.
    pub async fn websocket(&self, path_and_query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Refused> {
        let mut request = format!("ws://{}{path_and_query}", self.address).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().expect("a value"));
        }
        tokio_tungstenite::connect_async(request).await
    }

    pub async fn delete_json(&self, path_and_query: &str, body: Value) -> Answer {
        answer(self.request(Method::DELETE, path_and_query).json(&body)).await
    }

    /// A shell line that must end well; what it printed, without the last newline.
    pub async fn shell(&self, line: &str) -> String {
        let (code, printed) = self.execute(&format!("set -e\n{line}")).await;
        assert_eq!(code, 0, "{line}: {printed}");
        printed.trim_end().to_owned()
    }

    pub async fn execute(&self, command: &str) -> (i32, String) {
        let answer = self.post("/process/execute", json!({ "command": command })).await;
        let Executed { exit_code, result } = answer.read();
        (exit_code, result)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Status and body; the body is null when there is none.
pub struct Answer {
    pub status: u16,
    pub json: Value,
}

impl Answer {
    /// A success, as the wire has it.
    #[track_caller]
    pub fn read<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{}", self.json);
        serde_json::from_value(self.json.clone()).expect("the wire's type")
    }

    /// A success without a body.
    #[track_caller]
    pub fn assert_done(&self, status: u16) {
        assert_eq!((self.status, &self.json), (status, &Value::Null));
    }

    /// An error as the wire has it.
    #[track_caller]
    pub fn assert_error(&self, status: u16, code: &str) {
        let body = &self.json;
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!(body["statusCode"], status);
        assert_eq!(body["source"], "DAYTONA_DAEMON");
        for key in ["message", "timestamp", "path", "method"] {
            assert!(body[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {body}");
        }
    }
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let response: Response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    Answer { status, json: if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") } }
}

/// For a query.
pub fn encode(text: impl AsRef<Path>) -> String {
    let text = text.as_ref().to_string_lossy().into_owned();
    percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
