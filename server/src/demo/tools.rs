//! About programs, machines and Rust.

use super::{Reply, Thread};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

pub(super) const THREADS: &[Thread] = &[
    Thread {
        by: "Korbinian",
        minutes: 17,
        title: "tmux swallows my colours over SSH to the lab machines",
        text: Some(
            "Locally everything is fine. On the lab machines vim has eight colours inside tmux and 256 outside of it.

```
$ echo $TERM
screen
```

What do I have to set, and where?",
        ),
        answered: false,
        answers: &[Reply {
            by: "sudo-anna",
            minutes: 9,
            text: r#"In `~/.tmux.conf` on the lab machine:

```
set -g default-terminal "tmux-256color"
set -as terminal-features ",xterm*:RGB"
```

Then end the *server*, not only the session, or it keeps the old value:

```sh
tmux kill-server
```"#,
        }],
    },
    Thread {
        by: "tobi_42",
        minutes: 55,
        title: "cannot borrow `*self` as mutable because it is also borrowed as immutable",
        text: Some(
            r#"I am writing the parser for the compiler lab in Rust and I do not get past this:

```rust
impl Parser {
    fn statement(&mut self) {
        let token = self.peek();
        self.advance();
        println!("{token:?}");
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.position]
    }
}
```

I only *read* the token. Why does the compiler care?"#,
        ),
        answered: true,
        answers: &[
            Reply {
                by: "borrow.checker",
                minutes: 48,
                text: "Because of the signature of `peek`. `fn peek(&self) -> &Token` is short for

```rust
fn peek<'a>(&'a self) -> &'a Token
```

so as long as `token` lives, all of `self` counts as borrowed. `advance(&mut self)` could throw the tokens away, and `token` would point into nothing.

Make `Token` cheap to copy and the problem is gone:

```rust
#[derive(Clone, Copy, Debug)]
enum Token { /* ... */ }

let token = *self.peek();
self.advance();
```",
            },
            Reply {
                by: "Mei Lin",
                minutes: 31,
                text: "If a token holds a `String`, let it hold a span (`start..end` into the source) instead. \
                Then it is `Copy` again, and error messages can point at the right column for free.",
            },
            Reply {
                by: "tobi_42",
                minutes: 22,
                text: "The span was the missing idea. Compiles. Thank you both!",
            },
        ],
    },
    Thread {
        by: "Jürgen Bäuml",
        minutes: 11 * HOUR,
        title: "How do I get out of a Git rebase that went wrong?",
        text: Some(
            "I am somewhere in the middle of a rebase with conflicts in forty files, most of which I \
                have never touched. Can I get back to where I was this morning without cloning again?",
        ),
        answered: true,
        answers: &[
            Reply {
                by: "Lena Huber",
                minutes: 10 * HOUR + 51,
                text: r#"As long as it is still running:

```sh
git rebase --abort
```

If it has ended already, nothing is lost either:

```sh
git reflog              # find the line before "rebase (start)"
git reset --hard HEAD@{12}
```"#,
            },
            Reply {
                by: "Žofie",
                minutes: 10 * HOUR,
                text: "And forty conflicts in files you never touched usually mean that you rebased onto the \
                wrong branch. `git merge-base HEAD main` tells where the two really parted.",
            },
        ],
    },
    Thread {
        by: "François",
        minutes: DAY + 4 * HOUR,
        title: "Is a tiling window manager worth the time before the exams?",
        text: Some(
            "Asking for a friend who has three exams in two weeks and a very nice configuration file.",
        ),
        answered: false,
        answers: &[
            Reply { by: "sudo-anna", minutes: DAY + 3 * HOUR, text: "No. After the exams: yes." },
            Reply {
                by: "borrow.checker",
                minutes: DAY + 2 * HOUR,
                text: "Your friend should commit the configuration and close the editor. It will still be there \
                in February.",
            },
        ],
    },
    Thread {
        by: "Amira H.",
        minutes: 6 * DAY,
        title: "Operating systems lab, sheet 3: my program hangs, but only sometimes",
        text: Some(LAB),
        answered: true,
        answers: &[
            Reply {
                by: "borrow.checker",
                minutes: 6 * DAY - 2 * HOUR,
                text: "It is your third guess, the `if`. Between the signal and the moment your thread has the lock again, the other consumer can take the item. Your thread goes on all the same, takes an item that is not there, and `count` is -1. From then on both sides count wrongly and wait for each other. That is also why `broadcast` makes it worse: it wakes both, and one is always too many.

Always wait in a loop:

```c
while (queue->count == 0)
    pthread_cond_wait(&queue->not_empty, &queue->lock);
```

The manual says the same in other words: a wait may return without any signal at all.",
            },
            Reply {
                by: "Korbinian",
                minutes: 5 * DAY + 20 * HOUR,
                text: "And next time let a tool look for it. Compile with `-fsanitize=thread -g`, run it once, \
                read the first report only. It would have named both lines.",
            },
            Reply {
                by: "Jürgen Bäuml",
                minutes: 5 * DAY + 4 * HOUR,
                text: "For the report: the tutors want to see *why* two consumers are needed to trigger it. A \
                small table with the steps of both threads next to each other was enough for full marks.",
            },
        ],
    },
    Thread {
        by: "sudo-anna",
        minutes: 13 * DAY,
        title: "Which terminal do you use, and why?",
        text: Some(
            "Out of curiosity, no flame war please. I went back to plain xterm last month and miss \
                nothing except pictures.",
        ),
        answered: false,
        answers: &[
            Reply {
                by: "Mei Lin",
                minutes: 12 * DAY + 18 * HOUR,
                text: "kitty, because of the pictures: plots from the statistics course appear right below the \
                command.",
            },
            Reply {
                by: "Žofie",
                minutes: 12 * DAY,
                text: "Whatever comes with the system, with tmux in it. I am on five different machines a week \
                and want the same keys on all of them.",
            },
        ],
    },
    Thread {
        by: "borrow.checker",
        minutes: 29 * DAY,
        title: "Rust for the software project: will the others hate me?",
        text: Some(
            "We are five, two of us know Rust. The project is a booking service for the sports hall: \
                a web server, a small database, a few forms. The alternative would be Java with Spring, \
                which all five know from the second semester.",
        ),
        answered: false,
        answers: &[Reply {
            by: "Lena Huber",
            minutes: 28 * DAY + 23 * HOUR,
            text: "We did it with a similar mix. Honest balance after one semester:

- weeks 1 to 4: terrible, the two wrote everything
- weeks 5 to 8: the others could add an endpoint by copying one
- after that: no crash in the demo, for the first time in my studies

If you do it, agree on few crates and clone without shame.",
        }],
    },
];

const LAB: &str = "The task: a bounded queue with one producer and several consumers, with a mutex and two condition variables. Mine works in about nine runs of ten. In the tenth it stands still, with no load on the processor. With one consumer it has never hung so far.

The queue:

```c
typedef struct {
    int             items[SIZE];
    int             head, count;
    pthread_mutex_t lock;
    pthread_cond_t  not_empty, not_full;
} queue_t;

int take(queue_t *queue)
{
    pthread_mutex_lock(&queue->lock);
    if (queue->count == 0)
        pthread_cond_wait(&queue->not_empty, &queue->lock);

    int item = queue->items[queue->head];
    queue->head = (queue->head + 1) % SIZE;
    queue->count--;

    pthread_cond_signal(&queue->not_full);
    pthread_mutex_unlock(&queue->lock);
    return item;
}

void put(queue_t *queue, int item)
{
    pthread_mutex_lock(&queue->lock);
    if (queue->count == SIZE)
        pthread_cond_wait(&queue->not_full, &queue->lock);

    queue->items[(queue->head + queue->count) % SIZE] = item;
    queue->count++;

    pthread_cond_signal(&queue->not_empty);
    pthread_mutex_unlock(&queue->lock);
}
```

What I have tried so far:

1. `pthread_cond_broadcast` instead of `pthread_cond_signal`. It hangs more often, about every second time, which I do not understand at all.
2. A `printf` before and after each wait. Then it never hangs. I know that this means nothing good.
3. `gdb -p` on the hanging process. Both consumers are in `pthread_cond_wait`, the producer has ended:

```
(gdb) thread apply all bt 2

Thread 3 (LWP 4242):
#0  __futex_abstimed_wait_common () from /lib64/libc.so.6
#1  pthread_cond_wait () from /lib64/libc.so.6

Thread 2 (LWP 4241):
#0  __futex_abstimed_wait_common () from /lib64/libc.so.6
#1  pthread_cond_wait () from /lib64/libc.so.6

Thread 1 (LWP 4240):
#0  __futex_abstimed_wait_common () from /lib64/libc.so.6
#1  pthread_join () from /lib64/libc.so.6
```

4. Sometimes, instead of hanging, `count` is **-1** at the end. So an item was taken twice.

My guesses are:

- the modulo is wrong when `head` wraps around
- I need a second mutex for `count`
- the `if` before the wait is not enough, although the slides show it exactly like this

It is due on Friday at 23:59, and I would like to understand it rather than move lines until it passes. Thank you!";
