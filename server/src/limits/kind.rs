//! The table of what is counted as what, and how much of it there may be. The reasons: `docs/adr/0009-rate-limits.md`.

use poem::http::Method;
use ro_co_shared::BASE_PATH;

/// What a request counts as.
#[derive(Clone, Copy, Debug)]
pub(super) enum RateKind {
    SignUp,
    CheckName,
    LogIn,
    Refresh,
    LogOut,
    Health,
    Read,
    Write,
    Ask,
    Answer,
    Password,
}

impl RateKind {
    /// In their order, which is that of their budgets.
    pub(super) const ALL: [Self; 11] = [
        Self::SignUp,
        Self::CheckName,
        Self::LogIn,
        Self::Refresh,
        Self::LogOut,
        Self::Health,
        Self::Read,
        Self::Write,
        Self::Ask,
        Self::Answer,
        Self::Password,
    ];

    /// By the path as it was routed: whatever reaches an operation by a fixed path has exactly that path.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        match (method.as_str(), path.strip_prefix(BASE_PATH).unwrap_or(path)) {
            ("POST", "/auth/signup") => Self::SignUp,
            ("GET" | "HEAD", "/auth/signup/username") => Self::CheckName,
            ("POST", "/auth/login") => Self::LogIn,
            ("POST", "/auth/refresh") => Self::Refresh,
            ("POST", "/auth/logout") => Self::LogOut,
            ("GET" | "HEAD", "/health/live" | "/health/ready") => Self::Health,
            ("POST", "/question") => Self::Ask,
            ("POST", "/answer") => Self::Answer,
            ("PUT", "/user/password") | ("POST", "/user/me/delete") => Self::Password,
            ("GET" | "HEAD", _) => Self::Read,
            _ => Self::Write,
        }
    }

    /// So many at once, then one more every so many milliseconds.
    pub(super) const fn budget(self) -> (u32, u64) {
        match self {
            // By address. A lecture hall of 300 behind one address signs up, mistypes and logs in.
            Self::SignUp => (400, 10_000),
            Self::CheckName => (3_000, 20),
            Self::LogIn => (600, 1_000),
            Self::Refresh | Self::LogOut => (600, 200),
            Self::Health => (100, 100),
            // By user. A list with a hundred new faces is a hundred reads at once.
            Self::Read => (600, 50),
            Self::Write => (120, 1_000),
            Self::Ask => (60, 10_000),
            Self::Answer => (120, 5_000),
            // Each costs a hash, and may be a guess by whoever has the access token only.
            Self::Password => (10, 60_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_the_budget_at_its_own_place() {
        for (at, kind) in RateKind::ALL.into_iter().enumerate() {
            assert_eq!(at, kind as usize, "{kind:?}");
        }
    }

    #[test]
    fn what_is_not_named_is_a_read_or_a_write() {
        for (method, path, kind) in [
            (Method::POST, "/api/v1/auth/login", RateKind::LogIn),
            (Method::POST, "/api/v1/question", RateKind::Ask),
            (Method::PUT, "/api/v1/user/password", RateKind::Password),
            (Method::GET, "/api/v1/question/all", RateKind::Read),
            (Method::HEAD, "/api/v1/user/me", RateKind::Read),
            (Method::DELETE, "/api/v1/question/x", RateKind::Write),
            (Method::PUT, "/api/v1/auth/login", RateKind::Write),
        ] {
            assert_eq!(RateKind::of(&method, path) as usize, kind as usize, "{method} {path}");
        }
    }
}
