//! A party behind the one port of a member's node.

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use net::control::{
    Answer, Correspondence, CorrespondenceError, Letter, Partner, Post, PostSettings, Standing,
};
use net::{Identity, PublicKey, Route};

use crate::audit::compare_records;
use crate::support::{JOB, Parties, breast};

/// A node without partners, through whose port sessions pass all the same.
struct Alone;

fn nobody<T: Send + 'static>() -> Answer<'static, T> {
    let rule = "there are no letters here".to_owned();
    Box::pin(async { Err(CorrespondenceError::Refused { rule }) })
}

impl Correspondence for Alone {
    fn partners(&self) -> Vec<Partner> {
        Vec::new()
    }

    fn standing(&self, _: PublicKey) -> Answer<'_, Standing> {
        nobody()
    }

    fn letter_after(&self, _: PublicKey, _: u64) -> Answer<'_, Option<Letter>> {
        nobody()
    }

    fn take_in(&self, _: PublicKey, _: u64, _: Bytes) -> Answer<'_, ()> {
        nobody()
    }

    fn acknowledged(&self, _: PublicKey, _: u64) -> Answer<'_, ()> {
        nobody()
    }

    fn introduce(&self, _: PublicKey, _: IpAddr, _: Bytes) -> Answer<'_, Vec<u8>> {
        nobody()
    }
}

#[test]
fn a_party_behind_a_port_is_met_by_its_route() {
    let folder = breast();
    // Neither side's copy of the job says where its table is.
    let job = JOB.replace("guest.csv", "nowhere.csv").replace("host.csv", "elsewhere.csv");
    let job: Vec<&str> = job.lines().filter(|line| !line.contains("boosted_trees")).collect();
    fs::write(folder.path().join("job.yaml"), job.join("\n")).unwrap();
    let parties = Parties::new(folder.path(), 5);
    let table = |name: &str| folder.path().join(name).display().to_string();

    let identity = Arc::new(Identity::generate("node").unwrap());
    let (alone, settings) = (Arc::new(Alone), PostSettings::default());
    let post = net::block_on(Post::open(identity, Some("127.0.0.1:0"), alone, settings));
    let post = post.unwrap().unwrap();
    let guest_table = table("guest.csv");
    let options = ["--listen", "127.0.0.1:0", "--table", &guest_table];
    let mut guest = parties.start(0, "job.yaml", &[], &options);
    let behind = guest.wait_for("listening")["address"].as_str().unwrap().parse().unwrap();
    let passage = post.lead(Route::fresh(), behind).unwrap();

    let address = format!("{}/{}", post.local_address().unwrap(), passage.route());
    let host = parties.start(1, "job.yaml", &[address], &["--table", &table("host.csv")]);
    guest.succeed();
    host.succeed();
    compare_records(&folder.path().join("out"), ["clinic", "laboratory"]);
}
