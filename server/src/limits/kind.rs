//! The kinds of requests and their rate limits. The reasons: `docs/adr/0009-rate-limits.md`.

use poem::http::Method;
use ro_co_shared::API_PATH;

/// The kind of a request, for its rate limit.
#[derive(Clone, Copy, Debug)]
pub(super) enum RateKind {
    SignUp,
    CheckUsername,
    Login,
    Refresh,
    Logout,
    Health,
    Read,
    Write,
    CreateQuestion,
    CreateAnswer,
    ChangePassword,
    Refused,
    Unauthenticated,
    Page,
}

impl RateKind {
    /// In declaration order, the order of their budgets.
    pub(super) const ALL: [Self; 14] = [
        Self::SignUp,
        Self::CheckUsername,
        Self::Login,
        Self::Refresh,
        Self::Logout,
        Self::Health,
        Self::Read,
        Self::Write,
        Self::CreateQuestion,
        Self::CreateAnswer,
        Self::ChangePassword,
        Self::Refused,
        Self::Unauthenticated,
        Self::Page,
    ];

    /// By the path as it was routed: poem matches fixed segments exactly.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        match (method.as_str(), path.strip_prefix(API_PATH).unwrap_or(path)) {
            ("POST", "/auth/signup") => Self::SignUp,
            ("GET" | "HEAD", "/auth/signup/username") => Self::CheckUsername,
            ("POST", "/auth/login") => Self::Login,
            ("POST", "/auth/refresh") => Self::Refresh,
            ("POST", "/auth/logout") => Self::Logout,
            ("GET" | "HEAD", "/health/live" | "/health/ready") => Self::Health,
            ("POST", "/question") => Self::CreateQuestion,
            ("POST", "/answer") => Self::CreateAnswer,
            ("PUT", "/user/password") | ("POST", "/user/me/delete") => Self::ChangePassword,
            ("GET" | "HEAD", _) => Self::Read,
            _ => Self::Write,
        }
    }

    /// Whether a malformed request counts as [`Self::Refused`] instead. A malformed name is an ordinary one to check.
    pub(super) fn is_auth(self) -> bool {
        matches!(self, Self::SignUp | Self::Login | Self::Refresh | Self::Logout)
    }

    /// The burst, and the milliseconds until one more.
    pub(super) const fn budget(self) -> (u32, u64) {
        match self {
            // Per IP address. A lecture hall of 300 behind one IP address signs up, mistypes and logs in.
            Self::SignUp => (400, 10_000),
            Self::Login => (600, 1_000),
            // Malformed requests to `/auth/*` and refresh tokens that are not valid have a budget of their own, so that they
            // cannot use up what valid requests need.
            Self::Logout | Self::Refused => (600, 200),
            // Names are checked while they are typed, and 300 laptops wake up with an expired access token.
            Self::CheckUsername | Self::Unauthenticated => (3_000, 20),
            Self::Health => (100, 100),
            // Static pages, and paths that do not exist.
            Self::Page => (600, 100),
            // Per session. A client refreshes every 12 minutes.
            Self::Refresh => (30, 20_000),
            // Per user. A list with a hundred new avatars is a hundred reads at once.
            Self::Read => (600, 50),
            Self::Write => (120, 1_000),
            Self::CreateQuestion => (60, 10_000),
            Self::CreateAnswer => (120, 5_000),
            // Each costs a password hash, and may be a guess by someone who has only the access token.
            Self::ChangePassword => (10, 60_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_listed_in_declaration_order() {
        for (index, kind) in RateKind::ALL.into_iter().enumerate() {
            assert_eq!(index, kind as usize, "{kind:?}");
        }
    }

    #[test]
    fn other_requests_are_reads_or_writes() {
        for (method, path, kind) in [
            (Method::POST, "/api/v1/auth/login", RateKind::Login),
            (Method::POST, "/api/v1/question", RateKind::CreateQuestion),
            (Method::PUT, "/api/v1/user/password", RateKind::ChangePassword),
            (Method::GET, "/api/v1/question/all", RateKind::Read),
            (Method::HEAD, "/api/v1/user/me", RateKind::Read),
            (Method::DELETE, "/api/v1/question/x", RateKind::Write),
            (Method::PUT, "/api/v1/auth/login", RateKind::Write),
        ] {
            assert_eq!(RateKind::of(&method, path) as usize, kind as usize, "{method} {path}");
        }
    }
}
