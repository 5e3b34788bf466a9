//! Exactly once and in order, decided by numbers alone: the state of one line.
//!
//! A letter that arrives is the next one, a repeated one, or a breach. An acknowledgement says
//! something new, nothing new, or is a breach. Nothing here sends, stores or waits.

use super::correspondence::Standing;

/// What the two ends of a line have of each other's letters.
#[derive(Debug)]
pub(super) struct Numbers {
    /// Stored here, of the peer's.
    received: u64,
    /// The highest of the peer's that came on this line: what is acknowledged on it. The peer may
    /// have begun it before it knew of all that is stored here.
    heard: u64,
    /// The highest of this side's that went out, on this line or before.
    sent: u64,
    /// Stored at the peer, of this side's.
    acknowledged: u64,
}

/// What to do with a letter that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// To be stored, then noted by [`Numbers::stored`] and acknowledged.
    New,
    /// Stored before, and to be acknowledged again.
    Repeated,
}

impl Numbers {
    /// Begins a line on which the peer says that it has stored the first `peer_received` letters.
    pub(super) fn new(standing: Standing, peer_received: u64) -> Result<Self, String> {
        let Standing { received, written } = standing;
        if peer_received > written {
            return Err(format!(
                "has letters up to {peer_received}, and this side has written {written}; if this \
                 node was restored from an old backup, restore it from a newer one"
            ));
        }
        Ok(Self { received, heard: 0, sent: peer_received, acknowledged: peer_received })
    }

    /// The peer's letter of this number arrives. One that is repeated can be acknowledged at once.
    pub(super) fn arrives(&mut self, number: u64) -> Result<Arrival, String> {
        match number.checked_sub(self.received) {
            Some(1) => Ok(Arrival::New),
            Some(2..) => Err(format!("sent letter {number} after letter {}", self.received)),
            Some(0) | None if number > 0 => {
                self.heard = self.heard.max(number);
                Ok(Arrival::Repeated)
            }
            Some(0) | None => Err("sent a letter without a number".to_owned()),
        }
    }

    /// A new letter is stored: that which was [`Arrival::New`] last.
    pub(super) fn stored(&mut self) {
        self.received += 1;
        self.heard = self.received;
    }

    /// The number to acknowledge.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// The highest number that is stored here.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The peer says that it has stored letters up to `number`; whether that is news.
    pub(super) fn acknowledges(&mut self, number: u64) -> Result<bool, String> {
        if number > self.sent {
            let sent = self.sent;
            return Err(format!("acknowledged letter {number}, of which {sent} were sent"));
        }
        let is_news = number > self.acknowledged;
        self.acknowledged = self.acknowledged.max(number);
        Ok(is_news)
    }

    /// After which letter to go on sending.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// The highest number that the peer has stored.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many letters are under way.
    pub(super) fn under_way(&self) -> u64 {
        self.sent - self.acknowledged
    }

    /// The letter of this number goes out; an error if it is not the next one.
    pub(super) fn sends(&mut self, number: u64) -> Result<(), String> {
        if number != self.sent + 1 {
            let next = self.sent + 1;
            return Err(format!("letter {next} is no longer kept, and {number} follows"));
        }
        self.sent = number;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// One end, with a store that survives and a line that does not.
    #[derive(Default)]
    struct End {
        written: u64,
        stored: Vec<u64>,
        line: Option<Numbers>,
        outgoing: VecDeque<Word>,
        noted: u64,
    }

    #[derive(Clone, Copy, Debug)]
    enum Word {
        Letter(u64),
        Acknowledged(u64),
    }

    impl End {
        fn standing(&self) -> Standing {
            Standing { received: self.stored.len() as u64, written: self.written }
        }

        fn send(&mut self) {
            if let Some(line) = self.line.as_mut().filter(|line| line.sent() < self.written) {
                let next = line.sent() + 1;
                line.sends(next).unwrap();
                self.outgoing.push_back(Word::Letter(next));
            }
        }

        fn hear(&mut self, word: Word) {
            let Some(line) = self.line.as_mut() else {
                return;
            };
            match word {
                Word::Letter(number) => {
                    if line.arrives(number).unwrap() == Arrival::New {
                        self.stored.push(number);
                        line.stored();
                    }
                    self.outgoing.push_back(Word::Acknowledged(line.heard()));
                }
                Word::Acknowledged(number) => {
                    if line.acknowledges(number).unwrap() {
                        self.noted = self.noted.max(number);
                    }
                }
            }
        }

        fn cut(&mut self) {
            self.line = None;
            self.outgoing.clear();
        }
    }

    fn connect(ends: &mut [End; 2], stale: u64) {
        let standings = [ends[0].standing(), ends[1].standing()];
        for index in 0..2 {
            ends[index].cut();
            // A dialler may have said its hello before its last letters arrived.
            let theirs = standings[1 - index].received.saturating_sub(stale);
            ends[index].line = Some(Numbers::new(standings[index], theirs).unwrap());
            ends[index].noted = ends[index].noted.max(theirs);
        }
    }

    proptest! {
        /// Any order of writing, sending, hearing, doubling and cutting: what is stored is a
        /// beginning of what was written, and in the end all of it.
        #[test]
        fn letters_arrive_once_and_in_order(
            steps in proptest::collection::vec((0..6_u8, 0..2_usize, 0..3_u64), 0..200),
        ) {
            let mut ends = [End::default(), End::default()];
            for (step, at, stale) in steps {
                match step {
                    0 => ends[at].written += 1,
                    1 => ends[at].send(),
                    2 => connect(&mut ends, stale),
                    3 => ends[at].cut(),
                    4 => {
                        // A frame that was repeated on the way.
                        if let Some(word) = ends[at].outgoing.front().copied() {
                            ends[1 - at].hear(word);
                        }
                    }
                    _ => {
                        if let Some(word) = ends[at].outgoing.pop_front() {
                            ends[1 - at].hear(word);
                        }
                    }
                }
                for index in 0..2 {
                    let count = ends[index].stored.len() as u64;
                    prop_assert!(count <= ends[1 - index].written);
                    prop_assert!(ends[index].stored.iter().copied().eq(1..=count));
                    prop_assert!(ends[1 - index].noted <= count, "acknowledged before stored");
                }
            }
            connect(&mut ends, 0);
            for _ in 0..1000 {
                for at in 0..2 {
                    ends[at].send();
                    while let Some(word) = ends[at].outgoing.pop_front() {
                        ends[1 - at].hear(word);
                    }
                }
            }
            prop_assert_eq!(ends[0].stored.len() as u64, ends[1].written);
            prop_assert_eq!(ends[1].stored.len() as u64, ends[0].written);
            prop_assert_eq!(ends[0].line.as_ref().unwrap().under_way(), 0);
        }
    }

    #[test]
    fn breaches_are_named() {
        let standing = Standing { received: 4, written: 7 };
        let error = Numbers::new(standing, 8).unwrap_err();
        assert!(error.contains("has letters up to 8") && error.contains("backup"), "{error}");
        let mut numbers = Numbers::new(standing, 5).unwrap();
        assert_eq!(numbers.arrives(4), Ok(Arrival::Repeated));
        assert_eq!(numbers.arrives(5), Ok(Arrival::New));
        for (number, expected) in
            [(6, "letter 6 after letter 4"), (u64::MAX, "after"), (0, "without")]
        {
            let error = numbers.arrives(number).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(numbers.acknowledges(6).unwrap_err().contains("5 were sent"));
        assert!(numbers.sends(7).unwrap_err().contains("6 is no longer kept"));
        numbers.sends(6).unwrap();
        assert_eq!(numbers.acknowledges(6), Ok(true));
        assert_eq!(numbers.acknowledges(3), Ok(false), "old news");
        assert_eq!(numbers.acknowledged(), 6);
    }
}
