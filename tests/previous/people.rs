//! Names and email addresses that a release accepted, among them those that later rules refuse.

/// Ordinary names.
pub(crate) const ORDINARY: [&str; 12] = [
    "ada",
    "bob",
    "Grace Hopper",
    "Žofie",
    "李小龍",
    "Ольга",
    "Νίκος",
    "محمد",
    "Jean-Luc",
    "O.Neill",
    "x_1",
    "Günther Weiß",
];

/// Names that later rules refuse or take for one of the above: fillers and invisible characters, letters of another
/// script, full-width letters, reserved words.
pub(crate) const REFUSED_LATER: [&str; 11] = [
    "\u{3164}\u{3164}\u{3164}",
    "ada\u{3164}",
    "\u{430}da",
    "b\u{43e}b",
    "p\u{430}yp\u{430}l",
    "admin",
    "system",
    "moderator",
    "root",
    "ro-co",
    "adm\u{456}n",
];

/// Email addresses of accounts named after them: spellings of one address, and of one host.
pub(crate) const ADDRESSES: [(&str, &str); 5] = [
    ("unicode host", "ada@b\u{fc}cher.example"),
    ("ascii host", "ada@xn--bcher-kva.example"),
    ("composed", "jos\u{e9}@example.org"),
    ("imported", "imported@example.org"),
    ("imported costly", "imported.costly@example.org"),
];

/// Titles: long, of many bytes, with nothing visible in them, with direction marks.
pub(crate) const TITLES: [&str; 10] = [
    "What is a monad?",
    "Wie überlebt man die Prüfungszeit?",
    "为什么天空是蓝色的？",
    "\u{1f469}\u{200d}\u{1f4bb} and \u{1f1e9}\u{1f1ea}: how many characters?",
    "\u{200b}",
    "\u{2060}\u{feff}",
    "left \u{202e}thgir\u{202c}",
    "soft\u{ad}hyphen",
    "<script>alert(1)</script>",
    "e\u{301} or \u{e9}?",
];
