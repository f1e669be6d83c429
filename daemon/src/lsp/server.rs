//! A language server that was told about its project, and the documents that are open in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use paddock_wire::toolbox::lsp::{CompletionContext, CompletionList, Position, Symbol};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::connection::Connection;
use super::language::Language;
use super::{LspError, answers, document};
use crate::environment::Variables;

/// Documents open at a time; servers keep each in memory.
const MOST_DOCUMENTS: usize = 1000;

/// One server.
#[derive(Debug)]
pub struct Server {
    language: Language,
    connection: Connection,
    /// By URI, with the version that was sent last.
    open: Mutex<BTreeMap<String, u64>>,
}

impl Server {
    /// Until it is ready to be asked.
    pub async fn start(language: Language, environment: &Variables, project: &Path) -> Result<Self, LspError> {
        let connection = Connection::start(language, environment, project)?;
        let root = document::uri_of(project);
        let name = project.file_name().unwrap_or_default().to_string_lossy();
        let params = json!({
            "processId": std::process::id(),
            "rootPath": project.to_string_lossy(),
            "rootUri": root,
            "workspaceFolders": [{ "uri": root, "name": name }],
            "capabilities": {
                "textDocument": {
                    "synchronization": {},
                    "completion": { "completionItem": { "documentationFormat": ["markdown", "plaintext"] } },
                    "documentSymbol": {},
                },
                "workspace": { "symbol": {}, "workspaceFolders": true, "configuration": true },
            },
        });
        connection.request("initialize", params).await?;
        connection.notify("initialized", json!({})).await?;
        Ok(Self { language, connection, open: Mutex::default() })
    }

    /// Whether it can be asked.
    pub fn lives(&self) -> bool {
        self.connection.lives()
    }

    /// Until all its processes are gone.
    pub async fn end(&self) {
        self.connection.end().await;
    }

    /// Sends the file as it is now, also when it is open already.
    pub async fn did_open(&self, path: PathBuf) -> Result<(), LspError> {
        let (uri, language) = (document::uri_of(&path), self.language.of_file(&path));
        let mut open = self.open.lock().await;
        if open.len() >= MOST_DOCUMENTS && !open.contains_key(&uri) {
            return Err(LspError::Argument(format!("close one of the {MOST_DOCUMENTS} open documents first")));
        }
        let read = spawn_blocking(move || document::read(&path)).await;
        let text = read.map_err(|error| LspError::Server(error.to_string()))??;
        let version = open.entry(uri.clone()).and_modify(|version| *version += 1).or_insert(1);
        if *version == 1 {
            let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
            self.connection.notify("textDocument/didOpen", json!({ "textDocument": document })).await
        } else {
            let changed =
                json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": [{ "text": text }] });
            self.connection.notify("textDocument/didChange", changed).await
        }
    }

    /// One that is not open stays so.
    pub async fn did_close(&self, path: &Path) -> Result<(), LspError> {
        let uri = document::uri_of(path);
        if self.open.lock().await.remove(&uri).is_none() {
            return Ok(());
        }
        self.connection.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } })).await
    }

    /// What could stand at the position.
    pub async fn completions(
        &self,
        path: PathBuf,
        position: Position,
        context: Option<CompletionContext>,
    ) -> Result<CompletionList, LspError> {
        let uri = self.opened(path).await?;
        let mut params = json!({ "textDocument": { "uri": uri }, "position": position });
        if let Some(context) = context {
            params["context"] = json!(context);
        }
        Ok(answers::completions(self.connection.request("textDocument/completion", params).await?))
    }

    /// Of one file.
    pub async fn document_symbols(&self, path: PathBuf) -> Result<Vec<Symbol>, LspError> {
        let uri = self.opened(path).await?;
        let params = json!({ "textDocument": { "uri": uri } });
        let answer = self.connection.request("textDocument/documentSymbol", params).await?;
        Ok(answers::symbols(answer, &uri))
    }

    /// Of the project.
    pub async fn workspace_symbols(&self, query: &str) -> Result<Vec<Symbol>, LspError> {
        let answer: Value = self.connection.request("workspace/symbol", json!({ "query": query })).await?;
        Ok(answers::symbols(answer, ""))
    }

    /// Servers answer only about what is open.
    async fn opened(&self, path: PathBuf) -> Result<String, LspError> {
        let uri = document::uri_of(&path);
        if !self.open.lock().await.contains_key(&uri) {
            self.did_open(path).await?;
        }
        Ok(uri)
    }
}
