//! The command line. Each flag has an environment twin; flag beats environment beats default.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};
use reqwest::Url;
#[cfg(feature = "mongodb")]
use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::{
    auth::ABSOLUTE_MS,
    cors::Origin,
    limits::{Quotas, address::Network},
    store::sqlite,
};

/// How a server is run.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any free one, and the address is printed
    #[arg(
        long,
        env = "ROCO_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS:PORT",
        global = true
    )]
    pub listen: SocketAddr,

    /// Where the secret key is kept, and the database unless --mongo-uri names one [default: the user's data directory, ro-co/]
    #[arg(long, env = "ROCO_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,

    /// Where the database is, if not in the data directory
    #[cfg(feature = "mongodb")]
    #[command(flatten)]
    pub mongo: MongoConfig,

    /// Where pictures come from: DiceBear's HTTP service (it learns the users' names), or this program itself
    #[arg(long, env = "ROCO_AVATAR_SOURCE", value_enum, value_name = "SOURCE")]
    pub avatar_source: Option<AvatarSource>,

    /// DiceBear's address, up to and with its version [default: its public 9.x service]
    #[arg(long, env = "ROCO_DICEBEAR_URL", value_name = "URL")]
    pub dicebear_url: Option<Url>,

    /// An origin whose pages may call this server; may be repeated, or separated by commas in the environment
    #[arg(long, env = "ROCO_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGIN")]
    pub cors_origin: Vec<Origin>,

    /// How often one address may sign up or in, and one user read and write
    #[arg(long, env = "ROCO_RATE_LIMITS", value_enum, default_value = "default", value_name = "WHICH")]
    pub rate_limits: RateLimits,

    /// Daily quotas, unless --rate-limits is off
    #[command(flatten)]
    pub quotas: Quotas,

    /// A proxy (address or network) in front of this server, whose X-Forwarded-For is believed; may be repeated, or
    /// separated by commas in the environment [default: none, connections count as their own]
    #[arg(long, env = "ROCO_TRUSTED_PROXIES", value_delimiter = ',', value_name = "ADDRESS")]
    pub trusted_proxy: Vec<Network>,

    /// A file with the master secret: base64 of at least 32 bytes a line, the first one signs, all verify
    /// [default: made at the first start, in the data directory]
    #[arg(long, env = "ROCO_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,

    /// The master secret itself; from the environment only, for a command line is public
    #[arg(skip = secret_from_environment())]
    pub secret: Option<SecretString>,

    /// How long an access token lives, such as 15m
    #[arg(long, env = "ROCO_ACCESS_TTL", default_value = "15m", value_name = "TIME")]
    pub access_ttl: Lifetime,

    /// How long a session lives unused, such as 14d; at most 30d
    #[arg(long, env = "ROCO_REFRESH_TTL", default_value = "14d", value_name = "TIME", value_parser = session_lifetime)]
    pub refresh_ttl: Lifetime,

    /// Show Swagger UI at /api.html even when listening beyond this machine
    #[arg(long, env = "ROCO_DOCS")]
    pub docs: bool,

    /// Use a throw-away database with a dozen users, questions and answers
    #[arg(long)]
    pub demo: bool,
}

/// A database of MongoDB's.
#[cfg(feature = "mongodb")]
#[derive(Args, Clone, Debug)]
pub struct MongoConfig {
    /// Keep everything in this MongoDB (5.0 or later), such as `mongodb://host:27017`. An address with a password belongs
    /// into the environment, for a command line is public [default: SQLite, in the data directory]
    #[arg(long, env = "ROCO_MONGO_URI", hide_env_values = true, value_name = "URI", global = true)]
    pub mongo_uri: Option<SecretString>,

    /// The name of the database
    #[arg(long, env = "ROCO_MONGO_DB", default_value = "ro-co", value_name = "NAME", global = true)]
    pub mongo_db: String,

    /// How many connections to each node of MongoDB at most
    #[arg(
        long,
        env = "ROCO_MONGO_POOL",
        default_value = "64",
        value_name = "CONNECTIONS",
        value_parser = clap::value_parser!(u32).range(1..=10_000),
        global = true
    )]
    pub mongo_pool: u32,
}

#[cfg(feature = "mongodb")]
impl MongoConfig {
    /// The database to open, where one is named. A variable that is set to nothing names none.
    pub fn target(&self) -> Option<crate::store::mongo::Target> {
        let uri = self.mongo_uri.as_ref().filter(|uri| !uri.expose_secret().is_empty())?;
        let (uri, database, pool) = (uri.clone(), self.mongo_db.clone(), self.mongo_pool);
        Some(crate::store::mongo::Target { uri, database, pool })
    }
}

/// Where pictures come from.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum AvatarSource {
    /// DiceBear's HTTP service
    Dicebear,
    /// Drawn in this process
    Builtin,
}

/// Whether there are rate limits.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateLimits {
    /// What people and their clients need, and a lecture hall behind one address
    Default,
    /// As often as they like, guesses of passwords included; for measuring
    Off,
}

/// A length of time in milliseconds, written as a number and `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetime(pub i64);

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a time; expected a number and s, m, h or d, such as 15m");
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
        let millis = match unit {
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let count = number.parse::<u32>().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
        Ok(Self(i64::from(count) * millis))
    }
}

/// A session ends after thirty days, however often it is refreshed.
fn session_lifetime(text: &str) -> Result<Lifetime, String> {
    let lifetime: Lifetime = text.parse()?;
    if lifetime.0 > ABSOLUTE_MS {
        return Err("at most 30d: then a session ends, however often it is refreshed".into());
    }
    Ok(lifetime)
}

fn secret_from_environment() -> Option<SecretString> {
    std::env::var("ROCO_SECRET").ok().filter(|s| !s.is_empty()).map(SecretString::from)
}

impl Config {
    /// How the client runs a server of its own: on this machine only, pictures drawn in process.
    pub fn local(data_dir: Option<PathBuf>, demo: bool) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir,
            #[cfg(feature = "mongodb")]
            mongo: MongoConfig { mongo_uri: None, mongo_db: String::new(), mongo_pool: 1 },
            avatar_source: Some(AvatarSource::Builtin),
            dicebear_url: None,
            cors_origin: Vec::new(),
            rate_limits: RateLimits::Default,
            quotas: Quotas::default(),
            trusted_proxy: Vec::new(),
            secret_file: None,
            secret: None,
            access_ttl: Lifetime(15 * 60_000),
            refresh_ttl: Lifetime(14 * 86_400_000),
            docs: true,
            demo,
        }
    }

    /// Whether a server has kept anything where this says, as far as that can be told: a mistyped directory must not
    /// become a new database. The error is a line for the user.
    pub fn must_have_data(&self) -> Result<(), String> {
        #[cfg(feature = "mongodb")]
        if self.mongo.target().is_some() {
            return Ok(());
        }
        sqlite::must_exist(&self.data_dir()?).map_err(|why| why.to_string())
    }

    /// The data directory: the one named, or the user's.
    pub fn data_dir(&self) -> Result<PathBuf, String> {
        use etcetera::BaseStrategy;
        match &self.data_dir {
            Some(dir) => Ok(dir.clone()),
            None => etcetera::choose_base_strategy()
                .map(|base| base.data_dir().join("ro-co"))
                .map_err(|_| "there is no home directory to keep data in: name one with --data-dir".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes() {
        assert_eq!("15m".parse(), Ok(Lifetime(900_000)));
        assert_eq!("14d".parse(), Ok(Lifetime(1_209_600_000)));
        assert_eq!(session_lifetime("30d"), Ok(Lifetime(ABSOLUTE_MS)));
        assert!(session_lifetime("31d").is_err());
        for bad in ["", "m", "0s", "-1s", "15", "15 m", "1w", "99999999999d", "ä"] {
            assert!(bad.parse::<Lifetime>().is_err(), "{bad:?}");
        }
    }
}
