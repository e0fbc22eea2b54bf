//! A bounded queue whose places and turns are shared by network: round robin, so that a network that fills the queue
//! delays another's job by no more than the job that each thread is at.
//!
//! Turns are shared at three levels: IPv4 addresses and IPv6 /48s, within these /56s, within these /64s. Whoever owns
//! a /48 has 65,536 /64s, and still one turn in each round.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv6Addr},
};

/// Jobs waiting at most.
pub(super) const MAX_WAITING: usize = 32;

/// The IPv6 networks that share turns, coarsest first. An IPv4 address is its own network at each level.
const PREFIX_LENGTHS: [u32; 3] = [48, 56, 64];

/// Who waits for a hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Requester {
    /// The client's IP address.
    pub address: IpAddr,
    /// Whether the account in question has signed in from there before: served first among jobs of one address.
    pub known: bool,
}

impl Requester {
    /// This program itself.
    pub const LOCAL: Self = Self { address: IpAddr::V6(Ipv6Addr::LOCALHOST), known: true };

    fn networks(self) -> [IpAddr; PREFIX_LENGTHS.len()] {
        match self.address.to_canonical() {
            v4 @ IpAddr::V4(_) => [v4; PREFIX_LENGTHS.len()],
            IpAddr::V6(v6) => PREFIX_LENGTHS
                .map(|length| Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - length))).into()),
        }
    }
}

/// One place of the queue: reserved, and perhaps with its job.
struct Place<J> {
    id: u64,
    networks: [IpAddr; PREFIX_LENGTHS.len()],
    known: bool,
    /// How many jobs had been started when it was reserved.
    reserved_at: u64,
    job: Option<J>,
}

/// The places in order of arrival.
pub(super) struct Queue<J> {
    places: Vec<Place<J>>,
    next_id: u64,
    /// Jobs started so far: the time of this queue.
    started: u64,
    /// When a job of this network, at this level, was last started. Only of networks that have places, and of the latest.
    last_start: HashMap<(usize, IpAddr), u64>,
}

impl<J> Default for Queue<J> {
    fn default() -> Self {
        Self { places: Vec::new(), next_id: 0, started: 0, last_start: HashMap::new() }
    }
}

impl<J> Queue<J> {
    /// Reserves a place; `None` where the queue is full and none is to be given up for this requester. A place that is
    /// given up loses its job.
    pub(super) fn reserve(&mut self, requester: Requester) -> Option<u64> {
        let networks = requester.networks();
        if self.places.len() >= MAX_WAITING {
            let victim = self.victim(networks, requester.known)?;
            self.places.remove(victim);
        }
        self.next_id += 1;
        let (id, known, reserved_at) = (self.next_id, requester.known, self.started);
        self.places.push(Place { id, networks, known, reserved_at, job: None });
        Some(id)
    }

    /// Places taken.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Fills a reserved place; `false` where it was given up meanwhile.
    pub(super) fn submit(&mut self, id: u64, job: J) -> bool {
        let place = self.places.iter_mut().find(|place| place.id == id);
        place.map(|place| place.job = Some(job)).is_some()
    }

    /// Gives a place up, if it is still there.
    pub(super) fn release(&mut self, id: u64) {
        self.places.retain(|place| place.id != id);
    }

    /// The next job: that of the network whose turn is longest due, level by level. A network that was never served
    /// comes before one that was served at the moment it came.
    pub(super) fn next(&mut self) -> Option<J> {
        let mut ready: Vec<usize> =
            (0..self.places.len()).filter(|at| self.places[*at].job.is_some()).collect();
        for level in 0..PREFIX_LENGTHS.len() {
            let due = |at: &usize| {
                let place = &self.places[*at];
                let last = self.last_start.get(&(level, place.networks[level])).copied().unwrap_or(0);
                (place.reserved_at.max(last), last, *at)
            };
            let network = self.places[*ready.iter().min_by_key(|at| due(at))?].networks[level];
            ready.retain(|at| self.places[*at].networks[level] == network);
        }
        let at = ready.iter().find(|at| self.places[**at].known).or(ready.first())?;
        let place = self.places.remove(*at);
        self.note_start(place.networks);
        place.job
    }

    fn note_start(&mut self, networks: [IpAddr; PREFIX_LENGTHS.len()]) {
        self.started += 1;
        for (level, network) in networks.into_iter().enumerate() {
            self.last_start.insert((level, network), self.started);
        }
        let waiting: HashSet<(usize, IpAddr)> =
            self.places.iter().flat_map(|place| place.networks.into_iter().enumerate()).collect();
        let started = self.started;
        self.last_start.retain(|network, last| *last == started || waiting.contains(network));
    }

    /// The place to give up for a newcomer, as an index: the latest of the network with the most places, where the
    /// newcomer's will still have fewer than it, or of the newcomer's own network by the same rule at the next level.
    fn victim(&self, newcomer: [IpAddr; PREFIX_LENGTHS.len()], known: bool) -> Option<usize> {
        let mut own: Vec<usize> = (0..self.places.len()).collect();
        for (level, network) in newcomer.into_iter().enumerate() {
            let (largest, most) = self.largest(&own, level)?;
            let mine = own.iter().filter(|at| self.places[**at].networks[level] == network).count();
            if mine + 1 < most {
                own.retain(|at| self.places[*at].networks[level] == largest);
                return self.latest(own, level + 1);
            }
            own.retain(|at| self.places[*at].networks[level] == network);
        }
        // Among those of one address, a known place takes that of an unknown one.
        own.into_iter().rev().find(|at| known && !self.places[*at].known)
    }

    /// The latest place of these, in the network that has the most of them at each level; unknown before known.
    fn latest(&self, mut of: Vec<usize>, level: usize) -> Option<usize> {
        for level in level..PREFIX_LENGTHS.len() {
            let (largest, _) = self.largest(&of, level)?;
            of.retain(|at| self.places[*at].networks[level] == largest);
        }
        let unknown = of.iter().rev().find(|at| !self.places[**at].known);
        unknown.or(of.last()).copied()
    }

    /// The network with the most of these places at a level, and how many; of several the one that came last.
    fn largest(&self, of: &[usize], level: usize) -> Option<(IpAddr, usize)> {
        let mut counts: HashMap<IpAddr, (usize, usize)> = HashMap::new();
        for at in of {
            let count = counts.entry(self.places[*at].networks[level]).or_default();
            *count = (count.0 + 1, *at);
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(network, (count, _))| (network, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Requester {
        Requester { address: address.parse().unwrap(), known: false }
    }

    /// Reserves a place and fills it with its name.
    fn put(queue: &mut Queue<String>, requester: Requester, name: &str) -> bool {
        let Some(id) = queue.reserve(requester) else { return false };
        assert!(queue.submit(id, name.to_owned()));
        true
    }

    fn filled(address: &str) -> Queue<String> {
        let mut queue = Queue::default();
        for n in 0..MAX_WAITING {
            assert!(put(&mut queue, from(address), &format!("flood {n}")));
        }
        queue
    }

    fn rest(queue: &mut Queue<String>) -> Vec<String> {
        std::iter::from_fn(|| queue.next()).collect()
    }

    #[test]
    fn one_address_alone_may_use_all_places_in_order() {
        let mut queue = filled("192.0.2.1");
        assert!(!put(&mut queue, from("192.0.2.1"), "one too many"));
        let expected: Vec<String> = (0..MAX_WAITING).map(|n| format!("flood {n}")).collect();
        assert_eq!(rest(&mut queue), expected);
        assert!(put(&mut queue, from("192.0.2.1"), "again"));
    }

    #[test]
    fn a_newcomer_is_next_and_takes_the_latest_place_of_who_has_most() {
        let mut queue = filled("192.0.2.1");
        for n in 0..3 {
            assert_eq!(queue.next().unwrap(), format!("flood {n}"), "alone, it has every turn");
            assert!(put(&mut queue, from("192.0.2.1"), "refill"));
        }
        assert!(put(&mut queue, from("198.51.100.7"), "newcomer"));
        assert_eq!(queue.next().unwrap(), "newcomer");
        assert_eq!(queue.next().unwrap(), "flood 3");
        let rest = rest(&mut queue);
        assert_eq!(rest.iter().filter(|name| *name == "refill").count(), 2, "the latest was given up");
    }

    #[test]
    fn turns_go_round() {
        let mut queue = Queue::default();
        for (address, name) in [("192.0.2.1", "a"), ("192.0.2.2", "b"), ("192.0.2.3", "c")] {
            for _ in 0..3 {
                put(&mut queue, from(address), name);
            }
        }
        assert_eq!(rest(&mut queue).concat(), "abcabcabc");
    }

    #[test]
    fn newcomers_one_after_the_other_do_not_starve_who_waits() {
        let mut queue = Queue::default();
        for _ in 0..5 {
            put(&mut queue, from("192.0.2.1"), "hall");
        }
        let mut served = Vec::new();
        for n in 0..8 {
            put(&mut queue, from(&format!("198.51.100.{n}")), "new");
            served.push(queue.next().unwrap());
        }
        assert!(served.iter().filter(|name| *name == "hall").count() >= 3, "{served:?}");
    }

    #[test]
    fn thirty_two_addresses_with_a_place_each_keep_them() {
        let mut queue = Queue::default();
        for n in 0..MAX_WAITING {
            assert!(put(&mut queue, from(&format!("192.0.2.{n}")), "one"));
        }
        assert!(!put(&mut queue, from("198.51.100.7"), "newcomer"));
    }

    #[test]
    fn the_networks_of_one_ipv6_site_share_its_turn_and_its_places() {
        let mut queue = Queue::default();
        for n in 0..MAX_WAITING {
            // As many /64s, in as many /56s, of one /48.
            assert!(put(&mut queue, from(&format!("2001:db8:0:{n:x}00::1")), "site"));
        }
        for n in 0..15 {
            assert!(put(&mut queue, from("192.0.2.1"), "home"), "{n}");
        }
        assert!(put(&mut queue, from("2001:db8:1::1"), "another site"));
        let served = rest(&mut queue);
        assert_eq!(served.len(), MAX_WAITING);
        assert_eq!(served.iter().filter(|name| *name == "home").count(), 15);
        let first_six: HashSet<&String> = served[..3].iter().collect();
        assert_eq!(first_six.len(), 3, "{served:?}");
    }

    #[test]
    fn within_a_site_its_networks_take_turns_too() {
        let mut queue = Queue::default();
        for _ in 0..MAX_WAITING {
            put(&mut queue, from("2001:db8::1"), "flood");
        }
        assert!(put(&mut queue, from("2001:db8:0:100::1"), "neighbour"));
        assert_eq!(queue.next().unwrap(), "flood");
        assert_eq!(queue.next().unwrap(), "neighbour");
    }

    #[test]
    fn known_places_come_first_within_an_address_and_take_the_places_of_unknown_ones() {
        let mut queue = filled("192.0.2.1");
        let known = Requester { known: true, ..from("192.0.2.1") };
        assert!(put(&mut queue, known, "known"));
        assert_eq!(queue.next().unwrap(), "known");
    }

    #[test]
    fn what_is_reserved_holds_its_place_and_has_no_turn() {
        let mut queue = Queue::default();
        let id = queue.reserve(from("192.0.2.1")).unwrap();
        assert_eq!(queue.next(), None);
        put(&mut queue, from("192.0.2.2"), "b");
        assert_eq!(queue.next().unwrap(), "b");
        assert!(queue.submit(id, "a".to_owned()));
        queue.release(id);
        assert_eq!(queue.next(), None);
        assert!(!queue.submit(id, "a".to_owned()), "given up");
    }

    #[test]
    fn what_is_remembered_of_networks_is_bounded() {
        let mut queue = Queue::default();
        for n in 0..1_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(n).to_string();
            put(&mut queue, from(&address), "x");
            queue.next().unwrap();
        }
        assert!(queue.last_start.len() <= PREFIX_LENGTHS.len());
    }
}
