//! `/process/execute`, `/process/code-run`.

use paddock_wire::toolbox::process::CodeRan;
use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox};

#[tokio::test]
async fn both_streams_in_order_and_the_exit_code() {
    let sandbox = Sandbox::start().await;
    let (code, result) = sandbox.execute("echo one; echo two >&2; echo three; exit 7").await;
    assert_eq!((code, result.as_str()), (7, "one\ntwo\nthree\n"));
    assert_eq!(sandbox.execute("printf 'no end'").await.1, "no end");
    assert_eq!(sandbox.execute("kill -9 $$").await.0, -1);
}

#[tokio::test]
async fn the_script_is_stdin() {
    let sandbox = Sandbox::start().await;
    let (_, result) = sandbox.execute("cat\nthis is what cat reads").await;
    assert_eq!(result, "this is what cat reads\n");
}

#[tokio::test]
async fn directory_and_variables() {
    let sandbox = Sandbox::start().await;
    sandbox.write("sub/file", "");
    let run = |body: Value| sandbox.post("/process/execute", body);
    let answer = run(json!({ "command": "pwd; echo $X", "cwd": "sub", "envs": { "X": "a b" } })).await;
    let sub = sandbox.path("sub").canonicalize().expect("exists");
    assert_eq!(answer.json["result"], format!("{}\na b\n", sub.display()));
    let answer = run(json!({ "command": "pwd", "cwd": "/no/such/place" })).await;
    assert_eq!((answer.status, &answer.json["exitCode"]), (200, &json!(-1)));
    assert!(answer.json["result"].as_str().expect("text").contains("/no/such/place"));
    run(json!({ "command": "pwd", "cwd": "a\u{0}b" })).await.assert_error(400, "INVALID_FILE_PATH");
    run(json!({ "command": "pwd", "envs": { "A B": "" } })).await.assert_error(400, "BAD_REQUEST");
    run(json!({ "command": " \n " })).await.assert_error(400, "BAD_REQUEST");
    run(json!({})).await.assert_error(400, "BAD_REQUEST");
    run(json!({ "command": "pwd", "timeout": -1 })).await.assert_error(400, "INVALID_REQUEST_BODY");
}

#[tokio::test]
async fn a_timeout_kills_the_whole_group() {
    let sandbox = Sandbox::start().await;
    // Nothing opens the fifos but the two readers: unless killed they never end.
    sandbox.execute("mkfifo child parent").await;
    let command = "sh -c 'echo $$ > pid; read line < child' & read line < parent";
    let mut child = String::new();
    for timeout in [1, 2, 4, 8, 16, 32] {
        let answer = sandbox.post("/process/execute", json!({ "command": command, "timeout": timeout })).await;
        answer.assert_error(408, "PROCESS_EXECUTION_TIMEOUT");
        child = std::fs::read_to_string(sandbox.path("pid")).unwrap_or_default().trim().to_owned();
        // On a busy machine the child may have been killed before it could say who it is.
        if !child.is_empty() {
            break;
        }
    }
    assert!(!child.is_empty(), "the child never began");
    let (code, _) = sandbox
        .execute(&format!("while [ -d /proc/{child} ] && ! grep -q '^State:.Z' /proc/{child}/status; do :; done"))
        .await;
    assert_eq!(code, 0);
}

#[tokio::test]
async fn much_output_is_read_to_the_end() {
    let sandbox = Sandbox::start().await;
    let run = |command: &str| sandbox.post("/process/execute", json!({ "command": command }));
    let cut = run("head -c 40000000 /dev/zero | tr '\\0' a; echo; exit 3").await.json;
    assert_eq!((&cut["exitCode"], &cut["truncated"]), (&json!(3), &json!(true)));
    let result = cut["result"].as_str().expect("text");
    assert!(result.len() < 17_000_000 && result.ends_with("bytes were not kept]\n"), "{}", result.len());
    assert_eq!(run("echo whole").await.json, json!({ "exitCode": 0, "result": "whole\n" }));
}

#[tokio::test]
async fn a_long_text_is_the_same_text() {
    let sandbox = Sandbox::start().await;
    let (_, result) = sandbox.execute("python3 -c 'print(\"a\\\\\\\"ä\\0\\n\" * 100000, end=\"\")'").await;
    assert!(result == "a\\\"ä\0\n".repeat(100_000));
}

#[tokio::test]
async fn many_at_once_keep_their_answers() {
    let sandbox = Sandbox::start().await;
    let runs = (0..40).map(|number| {
        let sandbox = &sandbox;
        async move { (number, sandbox.execute(&format!("echo {number}; exit {number}")).await) }
    });
    for (number, (code, result)) in futures::future::join_all(runs).await {
        assert_eq!((code, result), (number, format!("{number}\n")));
    }
}

async fn code_run(sandbox: &Sandbox, language: &str, code: &str, rest: Value) -> Answer {
    let mut body = json!({ "language": language, "code": code });
    body.as_object_mut().expect("object").extend(rest.as_object().expect("object").clone());
    sandbox.post("/process/code-run", body).await
}

#[tokio::test]
async fn python() {
    let sandbox = Sandbox::start().await;
    let code = "import sys, os\nprint(sys.argv, os.environ['X'])\nprint('ü', file=sys.stderr)\nsys.exit(4)";
    let answer = code_run(&sandbox, "python", code, json!({ "argv": ["a", "'b c'"], "envs": { "X": "y" } })).await;
    let expected = CodeRan { exit_code: 4, result: "['-', 'a', 'b c'] y\nü\n".to_owned(), artifacts: None };
    assert_eq!(answer.read::<CodeRan>(), expected);
    let answer = code_run(&sandbox, "python", "1/0", json!({})).await;
    assert_eq!(answer.json["exitCode"], 1);
    assert!(answer.json["result"].as_str().expect("text").ends_with("ZeroDivisionError: division by zero\n"));
    let answer = code_run(&sandbox, "python", "import os; os.kill(os.getpid(), 9)", json!({})).await;
    assert_eq!(answer.json["exitCode"], 137);
    let answer = code_run(&sandbox, "python", "while True: pass", json!({ "timeout": 1 })).await;
    answer.assert_error(408, "PROCESS_EXECUTION_TIMEOUT");
}

#[tokio::test]
async fn a_long_program() {
    let sandbox = Sandbox::start().await;
    let code = format!("text = '{}'\nprint(len(text))", "x".repeat(3_000_000));
    assert_eq!(code_run(&sandbox, "python", &code, json!({})).await.json["result"], "3000000\n");
}

#[tokio::test]
async fn more_arguments_than_fit_into_one() {
    let sandbox = Sandbox::start().await;
    let argv: Vec<_> = (0..4000).map(|number| format!("'{number:064}'")).collect();
    let code = "import sys; print(len(sys.argv), sys.argv[-1])";
    let ran: CodeRan = code_run(&sandbox, "python", code, json!({ "argv": argv })).await.read();
    assert_eq!((ran.exit_code, ran.result), (0, format!("4001 {:064}\n", 3999)));
}

#[tokio::test]
async fn the_tenants_temp_directory_is_not_ours() {
    let sandbox = Sandbox::start().await;
    sandbox.post("/env", json!({ "set": { "TMPDIR": "/nowhere" } })).await;
    let shows = "#!/bin/sh\nfor file; do case $file in *.ts) cat \"$file\";; esac; done\n";
    sandbox.write_program("bin/ts-node", shows).await;
    let path = format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").expect("a path"));
    let answer = code_run(&sandbox, "typescript", "code", json!({ "envs": { "PATH": path } })).await;
    assert_eq!(answer.read::<CodeRan>().result, "process.argv.splice(1, 1);code");
}

/// The program's file must be there for as long as the program runs.
#[tokio::test]
async fn a_caller_who_hangs_up_takes_no_file_away() {
    let sandbox = Sandbox::start().await;
    sandbox.execute("mkfifo begun go").await;
    let waits = "#!/bin/sh\nfor file; do case $file in *.ts) break;; esac; done\n\
        echo > begun; read line < go; cat \"$file\" > copy; echo > begun\n";
    sandbox.write_program("node_modules/.bin/ts-node", waits).await;
    let run = code_run(&sandbox, "typescript", "code", json!({}));
    let begun = sandbox.execute("read line < begun");
    tokio::select! {
        biased;
        answer = run => panic!("it waits: {}", answer.json),
        (code, _) = begun => assert_eq!(code, 0),
    }
    // The server has seen the closed connection by the time it gives a shell this.
    let (_, copy) = sandbox.execute("echo > go; read line < begun; cat copy").await;
    assert_eq!(copy, "process.argv.splice(1, 1);code");
}

/// Runs the wrapper without matplotlib where there is none: the program's own error is what is seen.
#[tokio::test]
async fn a_wrapped_program_fails_like_any_other() {
    let sandbox = Sandbox::start().await;
    let code = "def f():\n    return 1/0\nif False:\n    import matplotlib\nprint(__name__)\nf()";
    let answer = code_run(&sandbox, "python", code, json!({})).await;
    let expected = "__main__\nTraceback (most recent call last):\n  File \"<target_code>\", line 6, in <module>\n    f()\n  \
        File \"<target_code>\", line 2, in f\n    return 1/0\n";
    let result = answer.json["result"].as_str().expect("text");
    // Newer Pythons underline the spot.
    let plain: String =
        result.split_inclusive('\n').filter(|line| !line.trim().chars().all(|c| "~^".contains(c))).collect();
    assert!(plain.starts_with(expected), "{result}");
    assert_eq!(answer.json["exitCode"], 1);
    let answer = code_run(&sandbox, "python", "import matplotlib as no such\n", json!({})).await;
    assert!(answer.json["result"].as_str().expect("text").contains("File \"<target_code>\", line 1"));
    let answer = code_run(&sandbox, "python", "if 0: import matplotlib\nimport sys; sys.exit(5)", json!({})).await;
    assert_eq!(answer.json["exitCode"], 5);
}

#[tokio::test]
async fn javascript() {
    let sandbox = Sandbox::start().await;
    let code = "console.log(process.argv.slice(1)); console.error('e'); process.exitCode = 2";
    let answer = code_run(&sandbox, "javascript", code, json!({ "argv": ["a", "$((1+1))"] })).await;
    assert_eq!(answer.json, json!({ "exitCode": 2, "result": "[ 'a', '2' ]\ne\n" }));
}

#[tokio::test]
async fn typescript_without_ts_node_says_what_is_missing() {
    let sandbox = Sandbox::start().await;
    let answer = code_run(&sandbox, "typescript", "let x: number = 1", json!({ "envs": { "PATH": "/nowhere" } })).await;
    assert_eq!(answer.json["exitCode"], 127);
    assert!(answer.json["result"].as_str().expect("text").contains("npm install -g typescript ts-node"));
}

#[tokio::test]
async fn refused_programs() {
    let sandbox = Sandbox::start().await;
    code_run(&sandbox, "cobol", "STOP RUN", json!({})).await.assert_error(400, "BAD_REQUEST");
    code_run(&sandbox, "", "x", json!({})).await.assert_error(400, "BAD_REQUEST");
    code_run(&sandbox, "python", "", json!({})).await.assert_error(400, "BAD_REQUEST");
}
