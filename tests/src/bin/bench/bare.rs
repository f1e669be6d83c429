//! What one would do without Paddock: Docker by its API (the `docker` command itself costs some 30 ms more), and a
//! file copied by plain HTTP.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use futures::TryStreamExt;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::net::TcpListener;
use tokio_util::io::{ReaderStream, StreamReader};

/// What the edge reads at once, too.
const CHUNK: usize = 256 * 1024;

static DOCKER: LazyLock<Client> =
    LazyLock::new(|| Client::builder().unix_socket("/var/run/docker.sock").build().expect("a client can be built"));

async fn docker(method: Method, path: &str, body: &Value) -> Result<Vec<u8>> {
    let answer = DOCKER.request(method, format!("http://docker{path}")).json(body).send().await?;
    let status = answer.status();
    let bytes = answer.bytes().await?.to_vec();
    ensure!(status.is_success(), "docker {path}: {status} {}", String::from_utf8_lossy(&bytes));
    Ok(bytes)
}

/// `docker run -d --rm` on the default bridge: created and started.
pub async fn run(image: &str) -> Result<String> {
    let wanted = json!({ "Image": image, "Entrypoint": ["sleep", "600"], "HostConfig": { "AutoRemove": true } });
    let made: Value = serde_json::from_slice(&docker(Method::POST, "/containers/create", &wanted).await?)?;
    let id = made["Id"].as_str().context("a container has an id")?.to_owned();
    docker(Method::POST, &format!("/containers/{id}/start"), &Value::Null).await?;
    Ok(id)
}

/// `docker exec`, until the command has ended.
pub async fn exec(container: &str, command: &[&str]) -> Result<()> {
    let wanted = json!({ "Cmd": command, "AttachStdout": true, "AttachStderr": true });
    let made = docker(Method::POST, &format!("/containers/{container}/exec"), &wanted).await?;
    let made: Value = serde_json::from_slice(&made)?;
    let id = made["Id"].as_str().context("an exec has an id")?;
    // The stream ends with the command.
    docker(Method::POST, &format!("/exec/{id}/start"), &json!({ "Detach": false, "Tty": false })).await?;
    Ok(())
}

/// Removes it at once.
pub async fn remove(container: &str) -> Result<()> {
    docker(Method::DELETE, &format!("/containers/{container}?force=true"), &Value::Null).await?;
    Ok(())
}

/// A server that keeps one file: PUT replaces it, GET answers it.
pub async fn file_server(file: &Path) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let server = Router::new().route("/", get(answer_file).put(keep_file)).with_state(file.to_owned());
    tokio::spawn(async move { axum::serve(listener, server).await });
    Ok(url)
}

async fn answer_file(State(file): State<PathBuf>) -> Result<Body, StatusCode> {
    let file = File::open(file).await.map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(Body::from_stream(ReaderStream::with_capacity(file, CHUNK)))
}

async fn keep_file(State(file): State<PathBuf>, body: Body) -> StatusCode {
    let copied = async {
        let mut content = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
        tokio::io::copy_buf(&mut content, &mut File::create(file).await?).await
    };
    if copied.await.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}
