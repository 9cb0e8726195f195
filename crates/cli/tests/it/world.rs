//! A folder with a workspace and nothing of this machine's settings in it.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use imagemill_testkit::TempWorkspace;
use imagemill_testkit::pictures;
use serde_json::Value;

/// A temporary folder in which the program is run.
pub(crate) struct World {
    pub(crate) folder: TempWorkspace,
}

/// No command of these tests takes nearly as long.
const LONGEST_RUN: Duration = Duration::from_secs(60);

fn read(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    })
}

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Waits for the end. A program that hangs is killed and its code is -1, so that the test fails with what it said.
    fn of(mut child: Child) -> Self {
        let out = read(child.stdout.take().unwrap());
        let err = read(child.stderr.take().unwrap());
        let until = Instant::now() + LONGEST_RUN;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > until {
                child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Self { code: status.code().unwrap_or(-1), out: out.join().unwrap(), err: err.join().unwrap() }
    }

    /// Fails with everything that was said when the code is another one.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\nstdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in\n{}", self.out))
    }

    /// The last line of standard output that is a document of this type.
    #[track_caller]
    pub(crate) fn last_json_of(&self, kind: &str) -> Value {
        let lines = self.out.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found = lines.into_iter().find(|line| line["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in\n{}\n{}", self.out, self.err))
    }

    /// The last line of standard output as JSON.
    #[track_caller]
    pub(crate) fn last_json(&self) -> Value {
        serde_json::from_str(self.out.lines().last().unwrap_or_default()).unwrap()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: TempWorkspace::new() }
    }

    /// With `count` small pictures in `photos/`.
    pub(crate) fn with_photos(count: u64) -> Self {
        let world = Self::new();
        for number in 1..=count {
            world.folder.write(format!("photos/{number:03}_start.png"), pictures::png(number, 48, 32));
        }
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program with `arguments`, in the folder, without any setting from outside.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imagemill"));
        command.current_dir(self.path()).args(arguments).stdin(Stdio::null());
        command.env_clear().env("HOME", self.path().join("home")).env("PATH", "/usr/bin:/bin");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(&[], arguments)
    }

    pub(crate) fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        Ran::of(piped(self.command(arguments).envs(variables.iter().copied())))
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running { child: Some(piped(&mut self.command(arguments))) }
    }

    /// A job's document from `status`, once `wanted` holds; at most ten seconds.
    #[track_caller]
    pub(crate) fn wait_for(&self, job: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let status = self.run(&["status", job, "--json"]);
            if status.code == 0 {
                let document = status.json();
                if wanted(&document) {
                    return document;
                }
                assert!(Instant::now() < until, "{document:#}");
            }
            assert!(Instant::now() < until, "{}{}", status.out, status.err);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn piped(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A program that runs beside the test; killed when the test fails.
pub(crate) struct Running {
    child: Option<Child>,
}

impl Running {
    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub(crate) fn end(mut self) -> Ran {
        Ran::of(self.child.take().unwrap())
    }

    /// The first line of standard output.
    pub(crate) fn first_line(&mut self) -> String {
        use std::io::{BufRead, BufReader};
        let mut line = String::new();
        let out = self.child.as_mut().unwrap().stdout.as_mut().unwrap();
        BufReader::with_capacity(1, out).read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
