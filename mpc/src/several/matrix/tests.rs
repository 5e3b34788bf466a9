use world::{Fault, FaultKind, MeshFault, Side, mesh_with_fault};

use super::*;
use crate::several::tests::ready;

/// The second party tells the third of a column more than the first.
#[test]
fn a_party_that_states_two_widths_is_named() {
    let kind = FaultKind::replace(|bytes| {
        let mut bytes = bytes.to_vec();
        bytes[0] += 1;
        bytes
    });
    let fault = Fault { path_step: "shape".to_owned(), occurrence: 0, kind, from: Side::First };
    let fault = MeshFault { between: (1, 2), fault };
    let role = async |_, sessions| {
        let geometries = Geometries::agree(&mut ready(sessions), 64, 2, 1).await?;
        Ok::<_, MpcError>(geometries.widths().to_vec())
    };
    let outcome = mesh_with_fault(1, 3, fault, role);
    assert!(outcome.results.iter().all(Result::is_err), "{:?}", outcome.results);
    let text = outcome.results[0].as_ref().unwrap_err().to_string();
    assert!(text.contains("party.2 misbehaved at step widths"), "{text}");
    assert!(text.contains("party.1 has 3 columns") && text.contains("we know of 2"), "{text}");
}
