//! Real MongoDB servers: standalone, or a replica set of three, each with a port and a directory of its own.
//!
//! `cargo run -p ro-co-tests --bin replica-set` starts the same three nodes interactively.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mongodb::{
    Client,
    bson::{Document, doc},
    options::ClientOptions,
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::{
    needs::on_path,
    netns::{HERE, Host, THERE},
    programs::{tools, workspace},
    wait::{LIMIT, until, until_within},
};

/// The server's program: `ROCO_TEST_MONGOD`, or on the path, or where `tests/setup` puts it.
pub fn mongod() -> Option<PathBuf> {
    if let Some(named) = env::var_os("ROCO_TEST_MONGOD") {
        return Some(named.into());
    }
    on_path("mongod").or_else(|| Some(tools().join("mongodb/bin/mongod")).filter(|path| path.exists()))
}

/// A running `mongod`. Dropping it, or this process's exit, kills it and removes its data.
pub struct Node {
    host: &'static str,
    port: u16,
    /// Prefix of its command.
    prefix: Vec<String>,
    dir: PathBuf,
    args: Vec<String>,
    process: Option<Process>,
}

struct Process {
    pid: Pid,
    /// The wrapper script, which ends the server when its standard input closes.
    script: Child,
}

impl Node {
    /// Starts one with these arguments beside the usual ones, and waits until it takes connections.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(args: &[&str]) -> Self {
        Self::start_at("127.0.0.1", &[], args)
    }

    fn start_at(host: &'static str, prefix: &[String], args: &[&str]) -> Self {
        let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        // Another process may take the port between choosing and binding it.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let dir = tempfile::Builder::new().prefix("ro-co-mongod-").tempdir().unwrap().keep();
            let (prefix, args) = (prefix.to_vec(), args.clone());
            let mut node = Self { host, port, prefix, dir, args, process: None };
            if node.launch() {
                return node;
            }
        }
        panic!("mongod does not start");
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Its connection string.
    pub fn uri(&self) -> String {
        format!("mongodb://{}", self.address())
    }

    /// Kills it (SIGKILL); its data remain.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.script.stdin.take().unwrap().write_all(b"keep\n").unwrap();
        process.script.wait().unwrap();
    }

    /// Restarts it after [`Node::kill`], on the same port and data.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        assert!(self.launch(), "mongod does not start again: {}", self.output());
    }

    /// Freezes it (SIGSTOP), with its connections open.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes it (SIGCONT).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Runs a command on this node directly, whatever its role in a replica set.
    pub fn command(&self, db: &str, command: Document) -> mongodb::error::Result<Document> {
        run(&format!("{}/?directConnection=true", self.uri()), db, command)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.process.as_ref().expect("it runs").pid, signal).unwrap();
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.dir.join("output")).unwrap_or_default()
    }

    /// Whether it came up.
    fn launch(&mut self) -> bool {
        let command = [self.prefix.as_slice(), &["sh".to_owned()]].concat();
        let mut script = Command::new(&command[0])
            .args(&command[1..])
            .arg(workspace().join("tests/with-mongod.sh"))
            .arg(&self.dir)
            .arg(mongod().expect("no mongod (run tests/setup)"))
            .args(["--bind_ip", self.host, "--port", &self.port.to_string(), "--nounixsocket"])
            .args([
                "--wiredTigerCacheSizeGB",
                "0.25",
                "--setParameter",
                "diagnosticDataCollectionEnabled=false",
            ])
            .args(["--setParameter", "ttlMonitorEnabled=false", "--dbpath"])
            .arg(&self.dir)
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pid = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        self.process = Some(Process { pid, script });
        let up = until_within(LIMIT, || {
            if test_kill_process(pid).is_err() || is_zombie(pid) {
                return Some(false);
            }
            TcpStream::connect(self.address()).is_ok().then_some(true)
        });
        up.unwrap_or_else(|| panic!("mongod takes no connections: {}", self.output()))
    }
}

/// Whether a process is a zombie: exited, but not yet reaped by its parent.
fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

impl Drop for Node {
    fn drop(&mut self) {
        match self.process.take() {
            // Closing its standard input ends the script, which stops the server and removes its data.
            Some(mut process) => {
                drop(process.script.stdin.take());
                let _ = process.script.wait();
            }
            None => {
                let _ = std::fs::remove_dir_all(&self.dir);
            }
        }
    }
}

/// The arguments of a replica set member. It selects another sync source at the first timeout, as in `compose.yaml`; by
/// default mongod retries the same one, which extends the time without a majority.
const MEMBER: [&str; 4] =
    ["--replSet", "ro-co", "--setParameter", "oplogFetcherSteadyStateMaxFetcherRestarts=0"];

/// Three nodes that elect a new primary within some two seconds.
pub struct ReplicaSet {
    /// The nodes.
    pub nodes: [Node; 3],
    /// The first node's host, if not this one.
    pub elsewhere: Option<Host>,
}

impl Default for ReplicaSet {
    fn default() -> Self {
        Self::start()
    }
}

impl ReplicaSet {
    /// Starts it and waits for its first primary.
    ///
    /// # Panics
    /// On timeout.
    pub fn start() -> Self {
        Self::of([(); 3].map(|()| Node::start(&MEMBER)), None)
    }

    /// Starts one whose replication can be stopped.
    ///
    /// # Panics
    /// As [`ReplicaSet::start`].
    pub fn start_stoppable() -> Self {
        let args = [&MEMBER[..], &["--setParameter", "enableTestCommands=1"]].concat();
        Self::of([(); 3].map(|()| Node::start(&args)), None)
    }

    /// Stops or resumes the secondaries' replication: the primary stays, but no write reaches a majority.
    ///
    /// # Panics
    /// When the set was not started so that this can be done.
    pub fn replicate(&self, replicate: bool) {
        let mode = if replicate { "off" } else { "alwaysOn" };
        for node in self.nodes.iter().filter(|node| !is_primary(node)) {
            node.command("admin", doc! { "configureFailPoint": "stopReplProducer", "mode": mode }).unwrap();
        }
    }

    /// Starts one whose first node runs on a host of its own, which can be partitioned.
    ///
    /// # Panics
    /// As [`ReplicaSet::start`], and as [`Host::new`].
    pub fn start_apart() -> Self {
        let elsewhere = Host::new();
        let first = Node::start_at(THERE, &elsewhere.prefix(), &MEMBER);
        Self::of(
            [first, Node::start_at(HERE, &[], &MEMBER), Node::start_at(HERE, &[], &MEMBER)],
            Some(elsewhere),
        )
    }

    fn of(nodes: [Node; 3], elsewhere: Option<Host>) -> Self {
        let members: Vec<_> =
            (0..).zip(&nodes).map(|(id, node)| doc! { "_id": id, "host": node.address() }).collect();
        let settings = doc! { "electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500 };
        let config = doc! { "_id": "ro-co", "members": members, "settings": settings };
        nodes[0].command("admin", doc! { "replSetInitiate": config }).unwrap();
        let set = Self { nodes, elsewhere };
        set.primary();
        set
    }

    /// Its connection string.
    pub fn uri(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(Node::address).collect();
        format!("mongodb://{}/?replicaSet=ro-co", hosts.join(","))
    }

    /// Which node is the primary; waits while there is none.
    ///
    /// # Panics
    /// When there is none within the limit.
    pub fn primary(&self) -> usize {
        until("a primary", || self.nodes.iter().position(is_primary))
    }

    /// Which node beside this one is the primary, as soon as there is one, within the limit.
    pub fn other_primary(&self, than: usize, limit: Duration) -> Option<usize> {
        let others = || (0..self.nodes.len()).filter(|n| *n != than);
        until_within(limit, || others().find(|n| is_primary(&self.nodes[*n])))
    }

    /// Whether one node is the primary, and a write reaches all three. By their states alone a node that came back a
    /// moment ago follows already; its replication may still be on the way to somebody, and hang there for twenty
    /// seconds if that one freezes now: then two are away, and no majority is left.
    pub fn is_whole(&self) -> bool {
        self.are_settled() && self.write_reaches_all()
    }

    /// Whether all are there, and each says the same of all.
    fn are_settled(&self) -> bool {
        let states = |node: &Node| {
            let status = node.command("admin", doc! { "replSetGetStatus": 1 }).ok()?;
            let members = status.get_array("members").ok()?.iter();
            members.map(|member| Some(member.as_document()?.get_str("stateStr").ok()?.to_owned())).collect()
        };
        // By every node's own account: one that has been away learns late what the others know.
        self.nodes.iter().all(|node| {
            let Some::<Vec<String>>(mut states) = node.process.is_some().then(|| states(node)).flatten()
            else {
                return false;
            };
            states.sort_unstable();
            states == ["PRIMARY", "SECONDARY", "SECONDARY"]
        })
    }

    fn write_reaches_all(&self) -> bool {
        let concern = doc! { "w": i32::try_from(self.nodes.len()).unwrap(), "wtimeout": 1_000 };
        let write = doc! { "insert": "marks", "documents": [{}], "writeConcern": concern };
        self.nodes.iter().find(|node| is_primary(node)).is_some_and(|node| {
            node.command("harness", write).is_ok_and(|answer| !answer.contains_key("writeConcernError"))
        })
    }

    /// Makes this node the primary.
    ///
    /// # Panics
    /// When it is not elected within the limit.
    pub fn step_up(&self, node: usize) {
        until("the node to be elected", || {
            // Refused while another election is under way: then again.
            let _ = self.nodes[node].command("admin", doc! { "replSetStepUp": 1 });
            is_primary(&self.nodes[node]).then_some(())
        });
    }

    /// Makes the primary a secondary that does not stand for election for ten seconds.
    pub fn step_down(&self) {
        let step_down = doc! { "replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 5 };
        self.nodes[self.primary()].command("admin", step_down).unwrap();
    }

    /// Lets a node that stepped down stand for election before its ten seconds are over.
    pub fn let_stand(&self, node: usize) {
        self.nodes[node].command("admin", doc! { "replSetFreeze": 0 }).unwrap();
    }
}

/// Whether a node says that it is the primary. One that is frozen says nothing.
fn is_primary(node: &Node) -> bool {
    node.process.is_some()
        && node
            .command("admin", doc! { "hello": 1 })
            .is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false))
}

/// Runs one command on a connection of its own.
pub fn run(uri: &str, db: &str, command: Document) -> mongodb::error::Result<Document> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut options = ClientOptions::parse(uri).await?;
        let limit = Duration::from_secs(5);
        options.server_selection_timeout = Some(limit);
        options.connect_timeout = Some(limit);
        let client = Client::with_options(options)?;
        let answer = tokio::time::timeout(limit, client.database(db).run_command(command)).await;
        client.shutdown().immediate(true).await;
        answer.unwrap_or_else(|_| Err(mongodb::error::Error::custom("no answer")))
    })
}
