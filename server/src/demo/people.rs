//! Who they are. None of them exists.

use ro_co_shared::Role::{Admin, User};

use super::Person;

pub(super) const PEOPLE: &[Person] = &[
    Person { name: "Lena Huber", email: "lena.huber@example.org", role: Admin, days: 410 },
    Person { name: "Jürgen Bäuml", email: "j.baeuml@example.org", role: User, days: 388 },
    Person { name: "Özlem", email: "oezlem@example.org", role: User, days: 301 },
    Person { name: "sudo-anna", email: "anna+roco@example.org", role: User, days: 290 },
    Person { name: "Korbinian", email: "korbinian@example.org", role: User, days: 214 },
    Person { name: "Mei Lin", email: "mei.lin@example.org", role: User, days: 180 },
    Person { name: "tobi_42", email: "tobi42@example.org", role: User, days: 120 },
    Person { name: "François", email: "francois@example.org", role: User, days: 95 },
    Person { name: "borrow.checker", email: "borrow.checker@example.org", role: User, days: 77 },
    Person { name: "Amira H.", email: "amira.h@example.org", role: User, days: 60 },
    Person { name: "Žofie", email: "zofie@example.org", role: User, days: 41 },
    Person { name: "erstsemester", email: "erstsemester@example.org", role: User, days: 6 },
];
