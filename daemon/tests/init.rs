//! The real binary as init: restarts its server, reaps orphans, ends when told.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DAEMON: &str = env!("CARGO_BIN_EXE_paddock-daemon");

struct Init {
    child: Child,
    ready: UnixListener,
    dir: tempfile::TempDir,
}

impl Init {
    fn start() -> Self {
        Self::start_as(Command::new(DAEMON), tempfile::tempdir().expect("temp dir"))
    }

    /// A command that will be the daemon, and a folder for its log and its socket.
    fn start_as(mut command: Command, dir: tempfile::TempDir) -> Self {
        let socket = dir.path().join("ready.sock");
        let ready = UnixListener::bind(&socket).expect("bind");
        std::fs::set_permissions(&socket, Permissions::from_mode(0o777)).expect("chmod");
        let child = command
            .env("PADDOCK_DAEMON_PORT", "0")
            .env("PADDOCK_READY_SOCKET", socket)
            .env("PADDOCK_OF_THE_TENANT", "seen")
            .env("DAYTONA_DAEMON_LOG_FILE_PATH", dir.path().join("log"))
            .env("DAYTONA_DAEMON_LOG_FILE_PATH_MAX_SIZE_MB", "no number")
            .spawn()
            .expect("starts");
        Self { child, ready, dir }
    }

    fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Waits for the readiness line of one server life.
    fn wait_ready(&self) {
        let (stream, _) = self.ready.accept().expect("the server tells us");
        let line = BufReader::new(stream).lines().next().expect("one line").expect("text");
        let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(ready["version"], env!("CARGO_PKG_VERSION"));
    }

    /// The kernel chose it; the log tells, before readiness is pushed.
    fn port(&self) -> u16 {
        let log = self.log();
        let address = log.split("address=0.0.0.0:").nth(1).expect("it listens");
        let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a port")
    }

    fn execute(&self, command: &str) -> String {
        let body = serde_json::json!({ "command": command }).to_string();
        let answer = self.request("POST", "/process/execute", &body);
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        let value: serde_json::Value = serde_json::from_str(body).expect("JSON");
        value["result"].as_str().expect("text").to_owned()
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        use std::io::Write;
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).expect("connect");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .expect("write");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        answer
    }

    fn children(&self) -> Vec<i32> {
        let path = format!("/proc/{0}/task/{0}/children", self.pid());
        let text = std::fs::read_to_string(path).expect("init lives");
        text.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("the process is there");
}

#[test]
fn a_killed_server_is_replaced_and_callers_wait() {
    let init = Init::start();
    init.wait_ready();
    let server = init.children()[0];
    signal(server, Signal::SIGKILL);
    // No retry: the listener outlives the server.
    assert!(init.request("GET", "/version", "").starts_with("HTTP/1.1 200"));
    init.wait_ready();
    assert_ne!(init.children()[0], server);
    assert!(init.log().contains("the server ended"));
}

#[test]
fn a_server_that_cannot_live_ends_the_sandbox() {
    let mut init = Init::start();
    for _ in 0..6 {
        init.wait_ready();
        signal(init.children()[0], Signal::SIGKILL);
    }
    let end = init.child.wait().expect("ends by itself");
    assert_eq!(end.code(), Some(1));
    assert!(init.log().contains("too often"));
}

/// Nobody else's.
const USER: u32 = 54_321;

/// What a tenant does who uses up all processes that the sandbox may have.
#[test]
fn a_restart_that_cannot_fork_is_tried_again() {
    if !nix::unistd::getuid().is_root() {
        return eprintln!("only root can start it as somebody else");
    }
    let dir = tempfile::tempdir().expect("temp dir");
    // A user of its own: the limit counts a user's processes, and does not hold for root.
    let program = dir.path().join("daemon");
    // By another process: what this one has open for writing cannot be run, and a child that another test is starting
    // has it open too until it has become its own program.
    let mut cp = Command::new("cp");
    assert!(cp.arg("--preserve=mode").arg(DAEMON).arg(&program).status().expect("cp runs").success());
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).expect("chmod");
    let mut command = Command::new(&program);
    command.uid(USER).gid(USER);
    let init = Init::start_as(command, dir);
    init.wait_ready();
    limit_processes(&init, "1");
    signal(init.children()[0], Signal::SIGKILL);
    wait_until("a start fails", || init.log().contains("the server cannot be started"));
    limit_processes(&init, "1000");
    init.wait_ready();
    assert!(init.request("GET", "/version", "").starts_with("HTTP/1.1 200"));
}

fn limit_processes(init: &Init, most: &str) {
    let pid = init.pid().to_string();
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &pid, &format!("--nproc={most}:1000")]);
    // As the same user: root may lack the capability to limit others.
    assert!(prlimit.uid(USER).gid(USER).status().expect("prlimit runs").success());
}

#[test]
fn orphans_are_reaped_and_exit_codes_are_not_stolen() {
    let init = Init::start();
    init.wait_ready();
    // The orphan lives until its fifo is opened for writing; then init is its parent.
    let fifo = init.dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
    let script = format!("setsid sh -c 'read line < {}' >/dev/null 2>&1 & echo $!", fifo.display());
    let orphan: i32 = init.execute(&script).trim().parse().expect("a pid");
    wait_until("init adopts the orphan", || init.children().contains(&orphan));
    std::fs::write(&fifo, "end\n").expect("write");
    wait_until("init reaps the orphan", || !std::path::Path::new(&format!("/proc/{orphan}")).exists());
    assert_eq!(init.children().len(), 1, "only the server is left");
    for code in 0..20 {
        assert!(
            init.request("POST", "/process/execute", &format!(r#"{{"command":"exit {code}"}}"#))
                .contains(&format!(r#""exitCode":{code},"#))
        );
    }
}

/// The kernel reports another process's state only when asked.
#[expect(clippy::disallowed_methods, reason = "there is no event to wait for")]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..30_000 {
        if condition() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("never: {what}");
}

#[test]
fn sigterm_ends_server_and_init() {
    let mut init = Init::start();
    init.wait_ready();
    let server = init.children()[0];
    signal(init.pid(), Signal::SIGTERM);
    assert_eq!(init.child.wait().expect("ends").code(), Some(0));
    // Init waits two seconds for the server, which a busy machine may not give it; it ends all the same.
    wait_until("nobody listens", || TcpStream::connect(("127.0.0.1", init.port())).is_err());
    wait_until("the server ends", || has_ended(server));
}

/// It is gone, or dead and whoever inherited it has not looked yet.
fn has_ended(pid: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    stat.contains(") Z ")
}

#[test]
fn the_containers_own_command() {
    let mut command = Command::new(DAEMON);
    let dir = tempfile::tempdir().expect("temp dir");
    let script = "echo \"$1\"; echo err >&2; exit 3";
    let init = Init::start_as(
        {
            command.args(["sh", "-c", script, "sh", "it's"]).env("HOME", dir.path());
            command
        },
        dir,
    );
    init.wait_ready();
    let path = "/process/session/entrypoint";
    wait_until("it ends", || init.request("GET", path, "").contains(r#""exitCode":3"#));
    assert!(init.request("GET", path, "").contains(r#""id":"entrypoint_command""#));
    let logs = init.request("GET", &format!("{path}/logs"), "");
    assert!(logs.contains("it's\n") && logs.contains("err\n"), "{logs}");
    assert!(init.request("GET", "/process/session", "").ends_with("\r\n\r\n[]"));
    assert!(init.request("DELETE", path, "").starts_with("HTTP/1.1 400"));
    // It is not run once more.
    signal(init.children()[0], Signal::SIGKILL);
    init.wait_ready();
    assert!(init.request("GET", path, "").starts_with("HTTP/1.1 404"));
}

#[test]
fn the_runners_variables_stay_with_the_daemon() {
    let init = Init::start();
    init.wait_ready();
    let seen = init.execute("echo ${PADDOCK_DAEMON_PORT-none} ${PADDOCK_READY_SOCKET-none} $PADDOCK_OF_THE_TENANT");
    assert_eq!(seen, "none none seen\n");
}

#[test]
fn a_changed_environment_outlives_the_server() {
    let init = Init::start();
    init.wait_ready();
    init.request("POST", "/env", r#"{"set":{"COLOUR":"blue\nsky"},"unset":["HOME"]}"#);
    signal(init.children()[0], Signal::SIGKILL);
    init.wait_ready();
    assert_eq!(init.execute("echo \"$COLOUR\" ${HOME-none} ${PATH:+path}"), "blue\nsky none path\n");
}

#[test]
fn pause_waits_for_its_signal() {
    let mut pause = Pause(Command::new(DAEMON).arg("pause").spawn().expect("starts"));
    let pid = pause.0.id().cast_signed();
    wait_until("it waits for a signal", || current_wait(pid).starts_with("do_sigtimedwait"));
    assert!(pause.0.try_wait().expect("status").is_none());
    signal(pid, Signal::SIGTERM);
    assert_eq!(pause.0.wait().expect("ends").code(), Some(0));
}

struct Pause(Child);

impl Drop for Pause {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The kernel function a process sleeps in.
fn current_wait(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default()
}
