//! The command line. Each flag has an environment variable; a flag overrides the variable, which overrides the default.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use clap::{Args, ValueEnum, builder::BoolishValueParser};
use reqwest::Url;
#[cfg(feature = "mongodb")]
use secrecy::ExposeSecret;
use secrecy::SecretString;

#[cfg(feature = "metrics")]
use crate::metrics::MetricsListen;
use crate::{
    auth::ABSOLUTE_MS,
    base_path::BasePath,
    client_ip::Network,
    cors::Origin,
    limits::Quotas,
    listen::ListenAddress,
    logging::{AccessLog, LogFormat},
    store::sqlite,
    tls::TlsFiles,
};

/// The server's settings.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Where to listen: an IP address or host name with a port, or :PORT for all interfaces. Port 0 picks a free one, and
    /// the URL is printed
    #[arg(
        long,
        env = "ROCO_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "HOST:PORT",
        global = true
    )]
    pub listen: ListenAddress,

    /// Directory of the secret key, and of the database unless --mongo-uri names one [default: the user's data directory, ro-co/]
    #[arg(long, env = "ROCO_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,

    /// The MongoDB database, if not SQLite in the data directory
    #[cfg(feature = "mongodb")]
    #[command(flatten)]
    pub mongo: MongoConfig,

    /// Source of avatars: DiceBear's HTTP service (it receives the users' names), or this program itself
    #[arg(long, env = "ROCO_AVATAR_SOURCE", value_enum, value_name = "SOURCE")]
    pub avatar_source: Option<AvatarSource>,

    /// URL of a DiceBear service, up to and including its version [default: the public 9.x service]
    #[arg(long, env = "ROCO_DICEBEAR_URL", value_name = "URL")]
    pub dicebear_url: Option<Url>,

    /// An origin whose pages may call this server; may be repeated, or separated by commas in the environment
    #[arg(long, env = "ROCO_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGIN")]
    pub cors_origin: Vec<Origin>,

    /// Rate limits by IP address (sign-up, sign-in) and by user (reads, writes)
    #[arg(long, env = "ROCO_RATE_LIMITS", value_enum, default_value = "default", value_name = "WHICH")]
    pub rate_limits: RateLimits,

    /// Daily quotas, unless --rate-limits is off
    #[command(flatten)]
    pub quotas: Quotas,

    /// A reverse proxy (IP address or network) whose X-Forwarded-For is trusted; may be repeated, or separated by commas in
    /// the environment [default: none, the peer's IP address counts]
    #[arg(long, env = "ROCO_TRUSTED_PROXIES", value_delimiter = ',', value_name = "ADDRESS")]
    pub trusted_proxy: Vec<Network>,

    /// The path that a reverse proxy serves this server under, such as /roco: URLs in responses begin with it, and requests
    /// are taken with and without it [default: none]
    #[arg(long, env = "ROCO_BASE_PATH", value_name = "PATH")]
    pub base_path: Option<BasePath>,

    /// A file with the master secret: base64 of at least 32 bytes a line, the first one signs, all verify
    /// [default: made at the first start, in the data directory]
    #[arg(long, env = "ROCO_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,

    /// The master secret itself; from the environment only, because a command line is visible to other users
    #[arg(skip = secret_from_environment())]
    pub secret: Option<SecretString>,

    /// Lifetime of an access token, such as 15m
    #[arg(long, env = "ROCO_ACCESS_TTL", default_value = "15m", value_name = "TIME")]
    pub access_ttl: Lifetime,

    /// Lifetime of an unused session, such as 14d; at most 30d
    #[arg(long, env = "ROCO_REFRESH_TTL", default_value = "14d", value_name = "TIME", value_parser = session_lifetime)]
    pub refresh_ttl: Lifetime,

    /// Serve Swagger UI at /api.html even when not listening on loopback
    #[arg(long, env = "ROCO_DOCS", value_parser = BoolishValueParser::new())]
    pub docs: bool,

    /// Format of the log on standard error
    #[arg(
        long,
        env = "ROCO_LOG_FORMAT",
        value_enum,
        default_value = "text",
        value_name = "FORMAT",
        global = true
    )]
    pub log_format: LogFormat,

    /// Whether to log one line per request
    #[arg(long, env = "ROCO_ACCESS_LOG", value_enum, default_value = "on", value_name = "WHETHER")]
    pub access_log: AccessLog,

    /// A PEM file with the certificate and its chain: serve HTTPS instead of HTTP. Both files are read again when they change
    #[arg(long, env = "ROCO_TLS_CERT", requires = "tls_key", value_name = "FILE", global = true)]
    pub tls_cert: Option<PathBuf>,

    /// A PEM file with the certificate's private key, readable by this user only
    #[arg(long, env = "ROCO_TLS_KEY", requires = "tls_cert", value_name = "FILE", global = true)]
    pub tls_key: Option<PathBuf>,

    /// For how long browsers that were here over TLS insist on TLS (HSTS), such as 365d
    #[arg(long, env = "ROCO_HSTS", default_value = "1d", value_name = "TIME")]
    pub hsts: Lifetime,

    /// Serve metrics for Prometheus at /metrics on this address; a port alone means loopback [default: no metrics]
    #[cfg(feature = "metrics")]
    #[arg(long, env = "ROCO_METRICS_LISTEN", value_name = "HOST:PORT")]
    pub metrics_listen: Option<MetricsListen>,

    /// Use a temporary database with a dozen users, questions and answers
    #[arg(long)]
    pub demo: bool,
}

/// The MongoDB settings.
#[cfg(feature = "mongodb")]
#[derive(Args, Clone, Debug)]
pub struct MongoConfig {
    /// Store everything in this MongoDB (5.0 or later), such as `mongodb://host:27017`. Pass a connection string with a
    /// password by the environment, because a command line is visible to other users [default: SQLite, in the data directory]
    #[arg(long, env = "ROCO_MONGO_URI", hide_env_values = true, value_name = "URI", global = true)]
    pub mongo_uri: Option<SecretString>,

    /// The name of the database
    #[arg(long, env = "ROCO_MONGO_DB", default_value = "ro-co", value_name = "NAME", global = true)]
    pub mongo_db: String,

    /// Maximum number of connections to each node of MongoDB
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
    /// The database to open, if one is named. An empty value names none.
    pub fn target(&self) -> Option<crate::store::mongo::Target> {
        let uri = self.mongo_uri.as_ref().filter(|uri| !uri.expose_secret().is_empty())?;
        let (uri, database, pool) = (uri.clone(), self.mongo_db.clone(), self.mongo_pool);
        Some(crate::store::mongo::Target { uri, database, pool })
    }
}

/// Source of avatars.
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
    /// Sized for users and their clients, and for a lecture hall behind one IP address
    Default,
    /// No limits, also on password guesses; for measurements
    Off,
}

/// A duration in milliseconds, written as a number and `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetime(pub i64);

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a duration; expected a number and s, m, h or d, such as 15m");
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
    /// The settings of the server inside the client: loopback only, built-in avatars.
    pub fn local(data_dir: Option<PathBuf>, demo: bool) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)).into(),
            data_dir,
            #[cfg(feature = "mongodb")]
            mongo: MongoConfig { mongo_uri: None, mongo_db: String::new(), mongo_pool: 1 },
            avatar_source: Some(AvatarSource::Builtin),
            dicebear_url: None,
            cors_origin: Vec::new(),
            rate_limits: RateLimits::Default,
            quotas: Quotas::default(),
            trusted_proxy: Vec::new(),
            base_path: None,
            secret_file: None,
            secret: None,
            access_ttl: Lifetime(15 * 60_000),
            refresh_ttl: Lifetime(14 * 86_400_000),
            docs: true,
            log_format: LogFormat::Text,
            access_log: AccessLog::Off,
            tls_cert: None,
            tls_key: None,
            hsts: Lifetime(86_400_000),
            #[cfg(feature = "metrics")]
            metrics_listen: None,
            demo,
        }
    }

    /// Checks that a database exists there, as far as that can be told without opening it: a mistyped directory must not
    /// become a new database. The error is a line for the user.
    pub fn must_have_data(&self) -> Result<(), String> {
        #[cfg(feature = "mongodb")]
        if self.mongo.target().is_some() {
            return Ok(());
        }
        sqlite::must_exist(&self.data_dir()?).map_err(|why| why.to_string())
    }

    /// Certificate and key, if HTTPS is to be served.
    pub fn tls_files(&self) -> Option<TlsFiles> {
        let (cert, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { cert, key })
    }

    /// The data directory: the given one, or the user's default.
    pub fn data_dir(&self) -> Result<PathBuf, String> {
        use etcetera::BaseStrategy;
        match &self.data_dir {
            Some(dir) => Ok(dir.clone()),
            None => etcetera::choose_base_strategy()
                .map(|base| base.data_dir().join("ro-co"))
                .map_err(|_| "no home directory for the data: choose one with --data-dir".into()),
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
