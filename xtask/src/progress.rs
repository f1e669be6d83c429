//! Telling what happens: a spinner for people, plain lines for logs, and a small protocol between a detached
//! supervisor and the command that waits for it.

use std::cell::Cell;
use std::io::{BufRead, IsTerminal, Write};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// Plain output repeats itself this often within a long step, so that a CI log shows life.
const STILL: Duration = Duration::from_secs(20);

enum Voice {
    Terminal,
    Plain,
    /// Lines `begin`, `detail`, `end`, `note` on standard output, read by [`follow`].
    Pipe,
}

struct Shared {
    voice: Voice,
    bar: Option<ProgressBar>,
    text: String,
    started: Instant,
    told: Instant,
}

thread_local! {
    /// One step is shown at a time; a thread beside it works in silence.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

static SHARED: OnceLock<Mutex<Shared>> = OnceLock::new();

fn shared() -> std::sync::MutexGuard<'static, Shared> {
    let cell = SHARED.get_or_init(|| {
        let voice = if std::io::stderr().is_terminal() { Voice::Terminal } else { Voice::Plain };
        Mutex::new(Shared { voice, bar: None, text: String::new(), started: Instant::now(), told: Instant::now() })
    });
    cell.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// From now on speak the protocol (the detached supervisor).
pub fn speak_protocol() {
    shared().voice = Voice::Pipe;
}

/// From now on plain lines to standard error; whoever followed has gone.
pub fn speak_plainly() {
    shared().voice = Voice::Plain;
}

/// Work beside the steps of another thread: its own steps are not shown, only its notes.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    QUIET.set(true);
    let result = work();
    QUIET.set(false);
    result
}

/// One named step; its end is told with the time it took.
pub fn step<T>(text: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if QUIET.get() {
        return work();
    }
    begin(text);
    let result = work();
    end(result.is_ok());
    result
}

/// The latest line of a long step.
pub fn detail(line: &str) {
    if QUIET.get() {
        return;
    }
    let mut state = shared();
    match state.voice {
        Voice::Terminal => {
            if let Some(bar) = &state.bar {
                let room = console_width().saturating_sub(state.text.len() + 14);
                let short: String = line.trim().chars().take(room).collect();
                bar.set_message(format!("{}  {short}", state.text));
            }
        }
        Voice::Plain => {
            if state.told.elapsed() > STILL {
                let seconds = state.started.elapsed().as_secs();
                eprintln!("    {} ({seconds} s): {}", state.text, line.trim());
                state.told = Instant::now();
            }
        }
        Voice::Pipe => emit("detail", line),
    }
}

/// A line that stays.
pub fn note(text: &str) {
    let state = shared();
    match (&state.voice, &state.bar) {
        (Voice::Terminal, Some(bar)) => bar.suspend(|| eprintln!("{text}")),
        (Voice::Terminal | Voice::Plain, _) => eprintln!("{text}"),
        (Voice::Pipe, _) => text.lines().for_each(|line| emit("note", line)),
    }
}

/// Tells the follower that all is done; afterwards nobody listens.
pub fn announce_ready() {
    if matches!(shared().voice, Voice::Pipe) {
        emit("ready", "");
    }
    speak_plainly();
}

/// Renders what a detached supervisor tells until it is ready; an end without `ready` is a failure.
pub fn follow(pipe: impl BufRead) -> Result<()> {
    for line in pipe.lines() {
        let line = line?;
        let (kind, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match kind {
            "begin" => begin(rest),
            "detail" => detail(rest),
            "end" => end(rest == "ok"),
            "ready" => return Ok(()),
            _ => note(rest),
        }
    }
    bail!("the stack did not come up")
}

fn begin(text: &str) {
    let mut state = shared();
    state.text = text.to_owned();
    state.started = Instant::now();
    state.told = Instant::now();
    match state.voice {
        Voice::Terminal => {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} [{elapsed}] {msg}") {
                bar.set_style(style);
            }
            bar.set_message(text.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            state.bar = Some(bar);
        }
        Voice::Plain => eprintln!("... {text}"),
        Voice::Pipe => emit("begin", text),
    }
}

fn end(good: bool) {
    let mut state = shared();
    let took = state.started.elapsed().as_secs_f32();
    let mark = if good { "ok " } else { "NOT" };
    if let Some(bar) = state.bar.take() {
        bar.finish_and_clear();
    }
    match state.voice {
        Voice::Pipe => emit("end", if good { "ok" } else { "failed" }),
        _ if good && took < 1.0 && matches!(state.voice, Voice::Plain) => {}
        _ => eprintln!("{mark} {} ({took:.1} s)", state.text),
    }
}

fn emit(kind: &str, text: &str) {
    // A follower that went away is no reason to stop.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{kind} {text}").and_then(|()| out.flush());
}

fn console_width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}
