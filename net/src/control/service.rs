//! What a node answers to those who dial it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::correspondence::{CorrespondenceError, INTRODUCTION_BYTES_MAX};
use super::exchange;
use super::greeting::{self, Unwelcome, check, hear, hello};
use super::line::NotAdmitted;
use super::port::Caller;
use super::post::Shared;
use super::stream::{QUEUE_LENGTH, Wire, frame};
use super::tally::Origin;
use crate::error::NetError;
use crate::generated::control::control_server::Control;
use crate::generated::control::frame::Content;
use crate::generated::control::{Frame, Introduced, Introduction};
use crate::runtime::{on_network, spawn_on_network};

/// The node's side of `control.proto`.
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
}

type Frames =
    tokio_stream::adapters::Map<ReceiverStream<Frame>, fn(Frame) -> Result<Frame, Status>>;

#[tonic::async_trait]
impl Control for Service {
    type ExchangeStream = Frames;

    async fn exchange(
        &self,
        request: Request<Streaming<Frame>>,
    ) -> Result<Response<Frames>, Status> {
        let caller = caller(&request)?;
        // Looked up at each call: a connection may be older than what is pinned.
        let line = self.shared.line(caller.key).filter(|_| caller.was_pinned);
        let line = line.ok_or_else(|| Status::permission_denied("this node has not your key"))?;
        let partner = line.partner();
        let mut incoming = request.into_inner();
        let theirs = hear(&mut incoming, &partner).await.map_err(|error| {
            line.failed(error);
            Status::invalid_argument("no proper hello came")
        })?;
        let (outgoing, queue) = mpsc::channel(QUEUE_LENGTH);
        let wrap: fn(Frame) -> Result<Frame, Status> = Ok;
        let response = Response::new(ReceiverStream::new(queue).map(wrap));
        let understood = check(&partner, &theirs);
        if let Err(Unwelcome::Version(error)) = &understood {
            line.failed(error.clone());
        }
        if theirs.probe || understood.is_err() {
            // It hears who is here, and that nothing follows.
            let _ = outgoing.send(frame(Content::Hello(hello(0, true)))).await;
            return Ok(response);
        }
        line.note(|report| greeting::note(report, &theirs));
        let admitted = line.admit(false).await.map_err(|refusal| match refusal {
            NotAdmitted::OpenAlready => Status::already_exists("there is a line already"),
            NotAdmitted::Replaced => Status::aborted("another line took its place"),
        })?;
        let standing = self.shared.correspondence.standing(partner.key).await;
        let standing = standing.map_err(|error| {
            line.failed(NetError::Letters { peer: partner.name.clone(), cause: error.to_string() });
            Status::unavailable("this node's store does not work at the moment")
        })?;
        // Fails when the caller is gone, which the exchange finds out as well.
        let _ = outgoing.send(frame(Content::Hello(hello(standing.received, false)))).await;
        let wire = Wire { outgoing, incoming, channel: None };
        let run = exchange::run(admitted, Arc::clone(&self.shared), wire, theirs);
        spawn_on_network(run).map_err(|error| Status::internal(error.to_string()))?;
        Ok(response)
    }

    async fn introduce(
        &self,
        request: Request<Introduction>,
    ) -> Result<Response<Introduced>, Status> {
        let Caller { key, address, .. } = caller(&request)?;
        if !self.shared.limiter().admits(Origin::new(address), Instant::now()) {
            let wait = "too many introductions at the moment; try again in ten seconds";
            return Err(Status::resource_exhausted(wait));
        }
        let bytes = Bytes::from(request.into_inner().bytes);
        if bytes.len() > INTRODUCTION_BYTES_MAX {
            return Err(Status::invalid_argument("an introduction has at most 64 KiB"));
        }
        let shared = Arc::clone(&self.shared);
        // Goes on when the caller hangs up: what it began is stored.
        let answer =
            on_network(async move { shared.correspondence.introduce(key, address, bytes).await });
        let answer = answer.await.map_err(|error| Status::internal(error.to_string()))?;
        match answer {
            Ok(bytes) if bytes.len() <= INTRODUCTION_BYTES_MAX => {
                Ok(Response::new(Introduced { bytes }))
            }
            Ok(_) => Err(Status::internal("this node's answer is too long")),
            Err(CorrespondenceError::Refused { rule }) => Err(Status::failed_precondition(rule)),
            Err(CorrespondenceError::Store { .. }) => {
                Err(Status::unavailable("this node's store does not work at the moment"))
            }
        }
    }
}

fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().copied();
    caller.ok_or_else(|| Status::unauthenticated("no key"))
}
