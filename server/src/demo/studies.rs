//! About studying computer science in Rosenheim.

use super::{Reply, Thread};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

pub(super) const THREADS: &[Thread] = &[
    Thread {
        by: "erstsemester",
        minutes: 4,
        title: "Where do I get into the eduroam from Linux?",
        text: Some(
            "The wizard on the website only offers me Windows and macOS. I run Fedora with KDE. Is \
                there a way without clicking through ten certificate dialogs?",
        ),
        answered: false,
        answers: &[],
    },
    Thread {
        by: "Amira H.",
        minutes: 3 * HOUR,
        title: "Is anybody else waiting for the grade in Algorithms and Data Structures?",
        text: None,
        answered: false,
        answers: &[
            Reply {
                by: "tobi_42",
                minutes: 2 * HOUR + 40,
                text: "Yes. Refreshing the portal every ten minutes since Monday.",
            },
            Reply {
                by: "Lena Huber",
                minutes: 95,
                text: "Last year it took four weeks to the day. The exam review is announced together with the \
                grades, so keep an eye on your mail as well.",
            },
        ],
    },
    Thread {
        by: "erstsemester",
        minutes: 2 * DAY,
        title: "Which laptop for the first semester?",
        text: Some(
            "Budget is about 800 €. I have read everything from \"any old ThinkPad\" to \"you need 32 \
                GB for the virtual machines\". What did you really need in the first two semesters?",
        ),
        answered: true,
        answers: &[
            Reply {
                by: "sudo-anna",
                minutes: 2 * DAY - 30,
                text: "A used business laptop with 16 GB and a good keyboard. Spend the rest on a monitor at \
                home. The labs have machines for everything that is too heavy.",
            },
            Reply {
                by: "Korbinian",
                minutes: DAY + 20 * HOUR,
                text: "What Anna says. Two things to look for:

- the battery: most lecture halls have sockets in the first two rows only
- that the memory can be upgraded

I never needed a graphics card.",
            },
            Reply {
                by: "François",
                minutes: DAY + 2 * HOUR,
                text: "I did the whole first year on an eight-year-old machine with 8 GB. The Java IDE was \
                slow, nothing else was.",
            },
        ],
    },
    Thread {
        by: "Žofie",
        minutes: 5 * DAY,
        title: "Bachelor thesis in a company: who owns the code?",
        text: Some(
            r#"A company near Kolbermoor offers me a thesis about sensor data. Their contract says that all results belong to them and that the thesis gets a lock flag for five years.

Is that usual? I would like to show at least parts of it in applications later. My supervisor at the university only said "read the contract carefully", which I did, which is why I am asking."#,
        ),
        answered: true,
        answers: &[
            Reply {
                by: "Jürgen Bäuml",
                minutes: 4 * DAY + 20 * HOUR,
                text: "Usual, yes, but negotiable. I asked for two changes and got both:

1. lock flag two years instead of five
2. the *method* may be published, the *data* may not

Ask before you register the thesis. Afterwards nobody moves.",
            },
            Reply {
                by: "Özlem",
                minutes: 4 * DAY + 3 * HOUR,
                text: "And have somebody look at it who is paid for knowing this: the student union offers free \
                legal advice, you only need an appointment. They found a clause in mine that would have \
                cost me the right to use my own library.",
            },
        ],
    },
    Thread {
        by: "tobi_42",
        minutes: 9 * DAY,
        title: "Failed Maths 2 for the second time. What now?",
        text: Some(
            "Title says it. I have one attempt left and I am honestly a bit afraid of it. How did you \
                prepare if you were in the same place? Tutorials, private lessons, just doing every old \
                exam there is?",
        ),
        answered: true,
        answers: &[
            Reply {
                by: "Mei Lin",
                minutes: 9 * DAY - 50,
                text: "Third attempt here, passed with 2.3. What helped was **not** reading more solutions. I \
                did every exercise sheet again on blank paper, with a clock, and wrote down each place \
                where I got stuck. There were only seven of these places. Then I went to the office \
                hours with that list.",
            },
            Reply {
                by: "Lena Huber",
                minutes: 8 * DAY + 12 * HOUR,
                text: "Two practical things: talk to the study counselling *now* (they know the deadlines for \
                the third attempt better than any forum), and join the group that meets on Wednesdays at \
                17:30 on the second floor of the library. We are four and nobody laughs at questions.",
            },
            Reply {
                by: "Amira H.",
                minutes: 8 * DAY,
                text: "You are not alone with this. A third of my year needed the third attempt. Good luck!",
            },
        ],
    },
    Thread {
        by: "Mei Lin",
        minutes: 18 * DAY,
        title: "Semester abroad in the fifth semester: are the credits accepted?",
        text: Some(
            "I would like to go to Tampere. Their course list does not match our modules at all. Does \
                anybody have experience with the learning agreement?",
        ),
        answered: false,
        answers: &[Reply {
            by: "François",
            minutes: 17 * DAY,
            text: "I came the other way round. The trick is to agree on *groups* of courses: \"these three \
                together count as elective 1 and 2\". Single modules never match in content and credits \
                at once. Get it signed before you leave, changes by mail take weeks.",
        }],
    },
    Thread {
        by: "Özlem",
        minutes: 37 * DAY,
        title: "Room with whiteboards for a group of six?",
        text: Some(
            "Every Thursday from 16:00, for the software project. The seminar rooms are always \
                booked.",
        ),
        answered: true,
        answers: &[
            Reply {
                by: "Korbinian",
                minutes: 36 * DAY + 22 * HOUR,
                text: "The project rooms behind the electronics lab. They are not in the booking system, there \
                is a paper list on the door.",
            },
            Reply {
                by: "Özlem",
                minutes: 36 * DAY,
                text: "A paper list! In computer science! Got it, thank you.",
            },
        ],
    },
];
