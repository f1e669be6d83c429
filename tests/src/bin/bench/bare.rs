//! What one would do without Paddock: Docker by its API (the `docker` command itself costs some 30 ms more), and a
//! file copied by plain HTTP.

use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

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
    let file = file.to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let file = file.clone();
            tokio::spawn(async move { serve_file(stream, &file).await });
        }
    });
    Ok(url)
}

async fn serve_file(stream: TcpStream, file: &Path) -> Result<()> {
    let mut stream = BufReader::with_capacity(256 * 1024, stream);
    let (mut head, mut length) = (String::new(), 0);
    while stream.read_line(&mut head).await? > 2 {
        let line = head.lines().last().unwrap_or_default().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    if head.starts_with("PUT") {
        tokio::io::copy_buf(&mut (&mut stream).take(length), &mut File::create(file).await?).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
    } else {
        let mut content = BufReader::with_capacity(256 * 1024, File::open(file).await?);
        let length = content.get_ref().metadata().await?.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        tokio::io::copy_buf(&mut content, &mut stream).await?;
    }
    stream.shutdown().await?;
    Ok(())
}
