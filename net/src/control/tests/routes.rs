//! Sessions through the port of a node.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::{Node, Wirecutter, until};
use crate::control::opening::read_opening;
use crate::error::NetError;
use crate::identity::Identity;
use crate::route::Route;
use crate::seat::Seat;
use crate::session::Session;
use crate::transport::grpc::{Listener, Peering, dial};

/// Two parties of a job, of which the second dials `route`.
fn peerings(route: Route) -> (Peering, Peering) {
    let [first, second] =
        ["first", "second"].map(|name| Arc::new(Identity::generate(name).unwrap()));
    let mut one = Peering {
        seat: Seat::new("first", "second", true),
        identity: Arc::clone(&first),
        peer_key: second.public_key(),
        job_digest: [1; 32],
        route: None,
    };
    one.seat.settings.connect_timeout = Duration::from_secs(2);
    let mut two = Peering {
        seat: Seat::new("second", "first", false),
        identity: second,
        peer_key: first.public_key(),
        route: Some(route),
        ..one.clone()
    };
    two.seat.settings.connect_timeout = Duration::from_secs(2);
    (one, two)
}

async fn talk(mut session: Session, cut: impl Fn()) -> Result<u64, NetError> {
    let mut sum = 0;
    for round in 0..30 {
        let mut child = session.fork(&format!("round.{round}"))?;
        sum += child.exchange_words("numbers", &vec![round; 5000], 5000).await?[7];
        if round % 10 == 5 {
            cut();
        }
    }
    Ok(sum)
}

#[test]
fn a_session_passes_the_port_and_survives_cuts() {
    crate::block_on(async {
        let node = Node::start("node").await;
        let cutter = Wirecutter::before(&node.address).await;
        let route = Route::fresh();
        let (one, two) = peerings(route);
        let listener = Listener::bind("127.0.0.1:0", &one.identity).await.unwrap();
        let passage = node.post().lead(route, listener.local_address()).unwrap();
        assert_eq!(passage.route(), route);
        let address = cutter.address.to_string();
        let (first, second) = tokio::join!(listener.accept(one), dial(&address, two));
        let (mut first, mut second) = (first.unwrap(), second.unwrap());
        let (mine, theirs) = (first.session().unwrap(), second.session().unwrap());
        let sums = tokio::join!(talk(mine, || cutter.cut()), talk(theirs, || {}));
        assert_eq!((sums.0.unwrap(), sums.1.unwrap()), (435, 435));
        let closed = tokio::join!(first.close(), second.close());
        closed.0.and(closed.1).unwrap();
    })
    .unwrap();
}

#[test]
fn a_route_that_is_closed_or_unknown_leads_nowhere() {
    crate::block_on(async {
        let node = Node::start("node").await;
        let route = Route::fresh();
        let (one, two) = peerings(route);
        let listener = Listener::bind("127.0.0.1:0", &one.identity).await.unwrap();
        let passage = node.post().lead(route, listener.local_address()).unwrap();
        let again = node.post().lead(route, listener.local_address());
        assert!(matches!(again, Err(NetError::InvalidInput { .. })), "{again:?}");
        let outside = node.post().lead(Route::fresh(), "192.0.2.1:1".parse().unwrap());
        assert!(outside.unwrap_err().to_string().contains("this machine"));
        drop(passage);
        let error = dial(&node.address, two.clone()).await.unwrap_err();
        assert!(matches!(error, NetError::Unreachable { .. }), "{error}");
        // Without a route the dialler meets the node itself, whose key is not the party's.
        let error = dial(&node.address, Peering { route: None, ..two }).await.unwrap_err();
        assert!(matches!(error, NetError::IdentityMismatch { .. }), "{error}");
    })
    .unwrap();
}

/// A caller that asks for `route`: its TLS hello, and the connection it was sent on.
fn call(address: &str, route: Route) -> (TcpStream, Vec<u8>) {
    let identity = Identity::generate("caller").unwrap();
    let (config, _) = crate::tls::client(&identity, identity.public_key()).unwrap();
    let name = rustls_pki_types::ServerName::try_from(route.to_string()).unwrap();
    let mut tls = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    tls.write_tls(&mut hello).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&hello).unwrap();
    (stream, hello)
}

#[test]
fn bytes_pass_unread_and_each_direction_ends_by_itself() {
    crate::block_on(async {
        let node = Node::start("node").await;
        let behind = TcpListener::bind("127.0.0.1:0").unwrap();
        let route = Route::fresh();
        let _passage = node.post().lead(route, behind.local_addr().unwrap()).unwrap();
        let (mut caller, hello) = call(&node.address, route);
        let (mut listener, _) = behind.accept().unwrap();
        caller.write_all(b" and what nobody but the listener understands").unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        let mut heard = Vec::new();
        listener.read_to_end(&mut heard).unwrap();
        assert!(heard.starts_with(&hello) && heard.ends_with(b"understands"));
        // The other direction goes on.
        let answer = vec![5; 1 << 20];
        let sent = answer.clone();
        let writing = std::thread::spawn(move || listener.write_all(&sent).unwrap());
        let mut heard = Vec::new();
        caller.read_to_end(&mut heard).unwrap();
        writing.join().unwrap();
        assert!(heard == answer);
        assert_eq!(
            read_opening(&mut hello.as_slice()).await.unwrap().name,
            Some(route.to_string())
        );
    })
    .unwrap();
}

#[test]
fn one_route_takes_few_connections_and_leaves_room_for_others() {
    crate::block_on(async {
        let node = Node::start("node").await;
        let behind = TcpListener::bind("127.0.0.1:0").unwrap();
        let [busy, other] = [Route::fresh(), Route::fresh()];
        let to = behind.local_addr().unwrap();
        let passages = [busy, other].map(|route| node.post().lead(route, to).unwrap());
        let mut callers = Vec::new();
        let mut listeners = Vec::new();
        for _ in 0..16 {
            callers.push(call(&node.address, busy).0);
            listeners.push(behind.accept().unwrap().0);
        }
        let (mut refused, _) = call(&node.address, busy);
        refused.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // The end, or a reset: either says that nobody is there.
        assert!(!matches!(refused.read(&mut [0]), Ok(1..)));
        callers.push(call(&node.address, other).0);
        listeners.push(behind.accept().unwrap().0);
        // Who leaves makes room.
        callers.swap_remove(0);
        drop(listeners.remove(0));
        until("there is room", || {
            callers.push(call(&node.address, busy).0);
            behind.set_nonblocking(true).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            behind.accept().is_ok()
        })
        .await;
        drop(passages);
    })
    .unwrap();
}
