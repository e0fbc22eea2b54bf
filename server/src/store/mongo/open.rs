//! Opening: everything that can be wrong with a URI, a user or a server, told in one line that says what to do.

use std::{fmt, sync::Arc, time::Duration};

use mongodb::{
    Client,
    bson::doc,
    error::ErrorKind,
    options::{Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Mongo,
    authors::Authors,
    calls::{Calls, Rows},
    fault::Fault,
    heartbeats::{Heartbeats, Trouble},
    migrate::{self, Refusal},
    pool::PoolCounts,
};

/// MongoDB 5.0, the oldest server this program works with, by the version of its protocol.
const OLDEST_WIRE: i32 = 13;

/// How long a call waits for a primary. A request that finds none is better refused, to be repeated, than kept.
const SELECTION: Duration = Duration::from_secs(3);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How often each node is asked for its state. A frozen primary is given up after this and [`CONNECT`] together, and a
/// node that was away a moment ago, and may be the new primary, is asked again after this: with the driver's ten
/// seconds both took so long that a call could run into the frozen one twice.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How many connections the driver makes where nobody says.
const DRIVER_POOL: u32 = 10;
/// How long a write waits for the majority.
const MAJORITY: Duration = Duration::from_secs(5);

/// Which database to open.
#[derive(Clone)]
pub struct Target {
    /// `mongodb://` or `mongodb+srv://`, perhaps with a password.
    pub uri: SecretString,
    /// The name of the database.
    pub database: String,
    /// How many connections to each node at most.
    pub pool: u32,
}

/// Never the URI: it may hold a password.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("database", &self.database)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

/// Why the database was not opened; each message is one line for the person who started the program.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is no URI of MongoDB.
    #[error(
        "--mongo-uri is not a URI of MongoDB: it reads mongodb://host:27017 or mongodb+srv://host, and special \
         characters in the user's name and password are percent-encoded"
    )]
    Uri,
    /// An option of the URI is unknown, wrong, or does not go with another.
    #[error("--mongo-uri has an option that does not work: {0}")]
    UriOption(String),
    /// The name cannot be one.
    #[error("{0:?} cannot be the name of a database: choose another with --mongo-db")]
    Name(String),
    /// Nobody answers there, or no primary is elected; it may come.
    #[error("MongoDB at {hosts} does not answer{}: start it, or correct --mongo-uri", in_brackets(.reason.as_deref()))]
    Away {
        /// The hosts of the URI.
        hosts: String,
        /// Why, in a few words.
        reason: Option<String>,
        /// What the driver said.
        #[source]
        source: crate::store::Cause,
    },
    /// The URI wants TLS, and the handshake fails.
    #[error("MongoDB at {hosts} refuses TLS ({reason}): correct tls and tlsCAFile in --mongo-uri")]
    Tls {
        /// The hosts of the URI.
        hosts: String,
        /// What the handshake ended with.
        reason: String,
    },
    /// The URI names a replica set, and the node is of another one or of none.
    #[error("MongoDB at {hosts} is {}: correct replicaSet in --mongo-uri", set_name(.found.as_deref()))]
    ReplicaSet {
        /// The hosts of the URI.
        hosts: String,
        /// The name of the node's replica set.
        found: Option<String>,
    },
    /// The user or the password is wrong.
    #[error("MongoDB at {0} refuses the user or the password: correct them in --mongo-uri")]
    Credentials(String),
    /// The user may not write.
    #[error("the user of --mongo-uri may not write to the database {0:?}: give it the role readWrite there")]
    NotAllowed(String),
    /// The server is older than what this program works with.
    #[error("MongoDB at {0} is older than 5.0: update it")]
    TooOld(String),
    /// The data was written by a program newer than this one.
    #[error(
        "the database {database:?} was written by a newer Ro-Co (data version {found}, this program knows {known}): \
         update this program, or name another database with --mongo-db"
    )]
    Newer {
        /// The name of the database.
        database: String,
        /// The version of its data.
        found: i32,
        /// The newest version this program reads.
        known: i32,
    },
    /// The data is of an older version, and the user may not change its collections.
    #[error(
        "the database {0:?} has to be migrated, and the user of --mongo-uri may not do that: run `ro-co-server migrate` \
         once as dbAdmin"
    )]
    MigrationRights(String),
    /// Anything else.
    #[error("the database {database:?} cannot be opened: {source}")]
    Other {
        /// The name of the database.
        database: String,
        /// What the server or the driver said.
        #[source]
        source: crate::store::Cause,
    },
}

impl OpenError {
    /// Whether trying again may help.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}

impl Mongo {
    /// Opens the database and brings it up to date, once.
    pub async fn open(target: &Target) -> Result<Self, OpenError> {
        let mut options = match ClientOptions::parse(target.uri.expose_secret()).await {
            Ok(options) => options,
            Err(error) => return Err(unparsed(target.uri.expose_secret(), &error).await),
        };
        options.max_pool_size = Some(target.pool);
        Self::open_with(options, &target.database).await
    }

    /// Opens the database that the driver's options lead to. What the invariants of the store rest on is not for
    /// them to choose: concerns, retries, and that the primary is asked.
    pub async fn open_with(mut options: ClientOptions, database: &str) -> Result<Self, OpenError> {
        if database.is_empty()
            || database.len() > 63
            || database.contains(['/', '\\', '.', ' ', '"', '$', '\0'])
        {
            return Err(OpenError::Name(database.to_owned()));
        }
        tune(&mut options);
        let counts = PoolCounts::watch(&mut options);
        let heartbeats = Heartbeats::watch(&mut options);
        let hosts = options.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let wrong = |fault: Fault| failed(fault, &hosts, database);
        let calls = Calls::new(options.max_pool_size.unwrap_or(DRIVER_POOL));
        let client = Client::with_options(options).map_err(|e| match *e.kind {
            ErrorKind::InvalidTlsConfig { message, .. } => OpenError::UriOption(message),
            _ => wrong(e.into()),
        })?;
        let opened = Self::prepare(&client, counts, calls, &hosts, database).await;
        if opened.is_err() {
            client.shutdown().immediate(true).await;
        }
        opened.map_err(|error| explain(error, heartbeats.trouble()))
    }

    async fn prepare(
        client: &Client,
        pool: Arc<PoolCounts>,
        calls: Calls,
        hosts: &str,
        name: &str,
    ) -> Result<Self, OpenError> {
        let wrong = |fault: Fault| failed(fault, hosts, name);
        let hello = client.database("admin").run_command(doc! { "hello": 1 }).await;
        let hello = hello.map_err(|e| wrong(e.into()))?;
        if hello.get_i32("maxWireVersion").unwrap_or_default() < OLDEST_WIRE {
            return Err(OpenError::TooOld(hosts.to_owned()));
        }
        let db = client.database(name);
        migrate::run(&db).await.map_err(|refusal| match refusal {
            Refusal::Newer(found) => {
                OpenError::Newer { database: name.to_owned(), found, known: migrate::VERSION }
            }
            Refusal::Rights => OpenError::MigrationRights(name.to_owned()),
            Refusal::Fault(fault) => wrong(fault),
        })?;
        let id_key = migrate::id_key(&db).await.map_err(wrong)?;
        let accounts = Rows::new(db.collection("accounts"), &calls);
        Ok(Self {
            id_key,
            client: client.clone(),
            pool,
            replicated: hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|m| m == "isdbgrid"),
            authors: Authors::new(&accounts),
            accounts,
            sessions: Rows::new(db.collection("sessions"), &calls),
            questions: Rows::new(db.collection("questions"), &calls),
            answers: Rows::new(db.collection("answers"), &calls),
            avatars: Rows::new(db.collection("avatars"), &calls),
            jobs: Rows::new(db.collection("jobs"), &calls),
            meta: Rows::new(db.collection("meta"), &calls),
            calls,
            db,
        })
    }
}

fn tune(options: &mut ClientOptions) {
    options.app_name.get_or_insert_with(|| "ro-co".to_owned());
    options.server_selection_timeout.get_or_insert(SELECTION);
    options.connect_timeout.get_or_insert(CONNECT);
    options.heartbeat_freq.get_or_insert(HEARTBEAT);
    options.read_concern = Some(ReadConcern::local());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.retry_reads = Some(true);
    options.retry_writes = Some(true);
    options.write_concern =
        Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(MAJORITY).build());
}

/// Why a URI was refused. The driver's words about an option are passed on; those about the rest might quote a password.
async fn unparsed(uri: &str, error: &mongodb::error::Error) -> OpenError {
    match &*error.kind {
        // The host of a URI of the kind mongodb+srv:// is looked up here.
        ErrorKind::DnsResolve { .. } => OpenError::Away {
            hosts: "the host of --mongo-uri".to_owned(),
            reason: Some("unknown host name".to_owned()),
            source: "unknown host name".into(),
        },
        ErrorKind::InvalidArgument { message, .. } => match uri.split_once('?') {
            // A password with `?` in it makes its rest look like options.
            Some((before, options))
                if !options.contains('@') && ClientOptions::parse(before).await.is_ok() =>
            {
                OpenError::UriOption(message.clone())
            }
            _ => OpenError::Uri,
        },
        _ => OpenError::Uri,
    }
}

/// What the heartbeats know of a database that does not answer.
fn explain(error: OpenError, trouble: Option<Trouble>) -> OpenError {
    match (error, trouble) {
        (OpenError::Away { hosts, .. }, Some(Trouble::Tls(reason))) => OpenError::Tls { hosts, reason },
        (OpenError::Away { hosts, .. }, Some(Trouble::SetName(found))) => {
            OpenError::ReplicaSet { hosts, found }
        }
        (OpenError::Away { hosts, source, .. }, Some(Trouble::Network(reason))) => {
            OpenError::Away { hosts, reason: Some(reason), source }
        }
        (error, _) => error,
    }
}

fn in_brackets(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

fn set_name(found: Option<&str>) -> String {
    found.map_or_else(|| "no replica set".to_owned(), |name| format!("the replica set {name:?}"))
}

fn failed(fault: Fault, hosts: &str, database: &str) -> OpenError {
    match fault {
        Fault::Unauthenticated => OpenError::Credentials(hosts.to_owned()),
        Fault::Unauthorized => OpenError::NotAllowed(database.to_owned()),
        Fault::TooOld => OpenError::TooOld(hosts.to_owned()),
        Fault::Away(_) | Fault::Late => {
            OpenError::Away { hosts: hosts.to_owned(), reason: None, source: fault.into() }
        }
        _ => OpenError::Other { database: database.to_owned(), source: fault.into() },
    }
}
