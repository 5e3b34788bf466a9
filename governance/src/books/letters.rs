//! What goes out.

use std::collections::BTreeMap;

use super::{Books, Record};
use crate::canonical::Signed;
use crate::journal::{Act, Entry, Journal};
use crate::letter::Letter;
use crate::members::{Event, MemberId};

impl Books {
    /// The letters that follow from a record, after it was stored and applied: what this member
    /// said goes to all other parties; a new card in an alliance is passed on; and so is the
    /// evidence that somebody contradicted itself.
    pub fn letters(&self, record: &Record) -> Vec<(MemberId, Letter)> {
        let own = self.own();
        match record {
            Record::Member(event) => match &**event {
                Event::Card(card) => {
                    let letter = Letter::Card(Box::new(card.clone()));
                    if card.content().member == own {
                        to_each(self.directory.partners().into_keys(), &letter)
                    } else {
                        to_each(self.directory.hear_of(&card.content().member), &letter)
                    }
                }
                _ => Vec::new(),
            },
            Record::Agreement(entry) => {
                let Some((agreement, _)) = self.agreements.get(&entry.content().topic) else {
                    return Vec::new();
                };
                let letter = |it: &Signed<Entry<_>>| Letter::Agreement(Box::new(it.clone()));
                self.passed_on(agreement.journal(), entry, letter)
            }
            Record::Submission(submission) if submission.content().submitter == own => {
                let parties = submission.content().parties.iter().copied();
                let letter = Letter::Submission(submission.clone());
                to_each(parties.filter(|party| *party != own), &letter)
            }
            Record::Job(entry) => {
                let Some(job) = self.job(&entry.content().topic) else { return Vec::new() };
                let letter = |it: &Signed<Entry<_>>| Letter::Job(Box::new(it.clone()));
                let entries = self.passed_on(job.journal(), entry, letter);
                if entry.content().author != own || entry.content().number > 0 {
                    return entries;
                }
                let submission = Letter::Submission(Box::new(job.submission().clone()));
                let parties = job.journal().authors().filter(|party| *party != own);
                to_each(parties, &submission).into_iter().chain(entries).collect()
            }
            Record::Permit { by, permit } if *by == own => {
                let Some(job) = self.job(&permit.content().run) else { return Vec::new() };
                let parties = job.journal().authors().filter(|party| *party != own);
                to_each(parties, &Letter::Permit(permit.clone()))
            }
            Record::Statement { by, statement } if *by == own => {
                let content = statement.content();
                let parties = [content.payer, content.payee].into_iter();
                let letter = Letter::Statement(statement.clone());
                to_each(parties.filter(|party| *party != own), &letter)
            }
            _ => Vec::new(),
        }
    }

    /// To whom an entry goes, and what with it.
    ///
    /// What others said before goes along with a party's first entry: whoever gets that before the
    /// others' letters could not place it.
    fn passed_on<A: Act>(
        &self,
        journal: &Journal<A>,
        entry: &Signed<Entry<A>>,
        letter: impl Fn(&Signed<Entry<A>>) -> Letter,
    ) -> Vec<(MemberId, Letter)> {
        let author = entry.content().author;
        let others = journal.authors().filter(|it| *it != self.own() && *it != author);
        let mut letters = Vec::new();
        if author == self.own() {
            let first = entry.content().number == 0;
            for to in others {
                let nothing = BTreeMap::new();
                let before = if first { journal.missing(&nothing) } else { Vec::new() };
                let of_others =
                    |it: &&Signed<Entry<A>>| ![author, to].contains(&it.content().author);
                let said = before.into_iter().filter(of_others).chain([entry]);
                letters.extend(said.map(|it| (to, letter(it))));
            }
        } else if let Some(evidence) = journal.contradictions().get(&author) {
            for to in others {
                letters.extend(evidence.iter().map(|it| (to, letter(it))));
            }
        }
        letters
    }

    /// Everything that a partner may lack: for a new line, after a block, and after either side was
    /// restored from a backup. What it has it passes over. A member that was restored takes these
    /// from all partners before it says anything: it would contradict what it has said and lost.
    pub fn letters_for(&self, partner: &MemberId) -> Vec<Letter> {
        let (own, nothing) = (self.own(), BTreeMap::new());
        let mut letters = vec![Letter::Card(Box::new(self.directory.own().clone()))];
        let takes_part = |party: MemberId| party == *partner;
        for (agreement, _) in self.agreements.values() {
            let journal = agreement.journal();
            if journal.authors().any(takes_part) {
                let entries = journal.missing(&nothing).into_iter();
                letters.extend(entries.map(|it| Letter::Agreement(Box::new(it.clone()))));
            }
        }
        for (job, permits) in self.jobs.values() {
            let journal = job.journal();
            if journal.authors().any(takes_part) {
                letters.push(Letter::Submission(Box::new(job.submission().clone())));
                let entries = journal.missing(&nothing).into_iter();
                letters.extend(entries.map(|it| Letter::Job(Box::new(it.clone()))));
                let permit = permits.get(&own);
                letters.extend(permit.map(|it| Letter::Permit(Box::new(it.clone()))));
            }
        }
        letters
    }
}

fn to_each(
    members: impl IntoIterator<Item = MemberId>,
    letter: &Letter,
) -> Vec<(MemberId, Letter)> {
    members.into_iter().map(|to| (to, letter.clone())).collect()
}
