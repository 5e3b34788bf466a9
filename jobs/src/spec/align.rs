//! How common rows are found, and what that needs of the rest of the job.

use contract::{ComponentDescriptor, catalogue};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::JobSpec;
use super::fields::{Fields, Problems, word};
use super::node::Node;
use super::settings;

/// How common rows are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlignSpec {
    /// The protocol and what only it has, named in the digest by its component.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Who learns the result.
    pub learn: Learn,
    /// Which rows a party that learns keeps.
    #[serde(skip_serializing_if = "Join::is_default")]
    pub join: Join,
}

/// The protocol of an alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Finds the common rows of two tables of any sizes.
    Intersection(Intersection),
    /// Finds which rows of a small table a large one has, whose part is kept between runs.
    Unbalanced {
        /// The most rows that the learning party may ask for in one run.
        asked_max: u32,
    },
    /// Finds the rows that the guest and all hosts have.
    Multiparty,
    /// Opens numbers about the common rows and not which these are.
    Totals {
        /// The least number of common rows over which sums are opened.
        minimum: u32,
        /// To how many decimal places numbers are rounded before they are added, at most 9.
        decimals: u32,
    },
    /// Trains on the common rows and opens only how many these are.
    Hidden {
        /// The least number of common training rows, and of common test rows.
        minimum: u32,
    },
}

impl Protocol {
    /// Its component in the catalogue.
    pub fn component(self) -> &'static ComponentDescriptor {
        match self {
            Self::Intersection(intersection) => intersection.component(),
            Self::Unbalanced { .. } => &catalogue::UNBALANCED,
            Self::Multiparty => &catalogue::MULTIPARTY,
            Self::Totals { .. } => &catalogue::TOTALS,
            Self::Hidden { .. } => &catalogue::HIDDEN,
        }
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("component", self.component().name)?;
        match self {
            Self::Intersection(Intersection::CheckedRr22) => {
                map.serialize_entry("security", &Security::Malicious)?;
            }
            Self::Intersection(Intersection::EcdhOnSm2) => {
                map.serialize_entry("curve", &Curve::Sm2)?;
            }
            Self::Intersection(Intersection::Ecdh | Intersection::Rr22) | Self::Multiparty => {}
            Self::Unbalanced { asked_max } => map.serialize_entry("asked_max", asked_max)?,
            Self::Totals { minimum, decimals } => {
                map.serialize_entry("minimum", minimum)?;
                map.serialize_entry("decimals", decimals)?;
            }
            Self::Hidden { minimum } => map.serialize_entry("minimum", minimum)?,
        }
        map.end()
    }
}

/// A protocol in which each party's rows are matched afresh in each run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intersection {
    /// Commutative blinding on an elliptic curve: the simplest assumptions, much computation.
    #[default]
    Ecdh,
    /// The same on the curve of the Chinese standard: `curve: sm2`.
    EcdhOnSm2,
    /// A key-value store and linear evaluation: little computation, for large sets.
    Rr22,
    /// The same, checked against a malicious partner: `security: malicious`.
    CheckedRr22,
}

/// The curve on which `ecdh` blinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// The fast one.
    #[default]
    Ristretto255,
    /// That of the Chinese standard GB/T 32918.
    Sm2,
}

/// The partner that an alignment is to hold off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// One that follows the protocol.
    #[default]
    SemiHonest,
    /// One that sends what it likes.
    Malicious,
}

impl Intersection {
    /// One for each component: what `protocol:` names.
    pub const ALL: [Self; 2] = [Self::Ecdh, Self::Rr22];

    /// Its component in the catalogue.
    pub fn component(self) -> &'static ComponentDescriptor {
        match self {
            Self::Ecdh | Self::EcdhOnSm2 => &catalogue::ECDH,
            Self::Rr22 | Self::CheckedRr22 => &catalogue::RR22,
        }
    }

    /// The protocol of this name in job files, such as `ecdh`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.component().short_name() == name)
    }

    /// Its form on such a curve; `None` if it has none.
    pub fn on(self, curve: Curve) -> Option<Self> {
        match (self, curve) {
            (Self::Ecdh | Self::EcdhOnSm2, Curve::Sm2) => Some(Self::EcdhOnSm2),
            (Self::Ecdh | Self::Rr22 | Self::CheckedRr22, Curve::Ristretto255) => Some(self),
            (Self::EcdhOnSm2, Curve::Ristretto255)
            | (Self::Rr22 | Self::CheckedRr22, Curve::Sm2) => None,
        }
    }

    /// Its form that holds off such a partner; `None` if it has none.
    pub fn against(self, security: Security) -> Option<Self> {
        match (self, security) {
            (Self::Ecdh | Self::EcdhOnSm2 | Self::Rr22, Security::SemiHonest) => Some(self),
            (Self::Rr22 | Self::CheckedRr22, Security::Malicious) => Some(Self::CheckedRr22),
            (Self::Ecdh | Self::EcdhOnSm2, Security::Malicious)
            | (Self::CheckedRr22, Security::SemiHonest) => None,
        }
    }
}

/// Who learns the common rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learn {
    /// Every party.
    Both,
    /// Only the guest.
    Guest,
    /// Only the host.
    Host,
}

/// Which rows the result of an alignment has; only a job without models can ask for other rows
/// than the common ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// The common rows.
    #[default]
    Inner,
    /// At the guest all its rows, the common ones first; at the host the common rows.
    Left,
    /// The party's own rows that are not common.
    Anti,
}

impl Join {
    /// Leaving it out of the canonical form keeps the digests of jobs that do not ask for it.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads `align:`.
pub(super) fn read(
    fields: &mut Fields<'_>,
    root: &Node,
    problems: &mut Problems,
) -> Option<AlignSpec> {
    let Some(node) = fields.take("align") else {
        let protocol = Intersection::default();
        let settings: IntersectionSettings =
            settings::defaults(protocol.component(), root, problems)?;
        return settings.of(protocol);
    };
    let mut fields = Fields::of(node, "`align`".to_owned(), problems)?;
    let component = match fields.take("protocol") {
        Some(node) => {
            let components: Vec<_> =
                catalogue::stage("align").map(|it| (it.short_name(), it)).collect();
            word(node, "protocol", &components, problems)
        }
        None => Some(Intersection::default().component()),
    }?;
    let align = read_settings(&mut fields, component, node, problems);
    fields.finish(problems);
    align
}

fn read_settings(
    fields: &mut Fields<'_>,
    component: &ComponentDescriptor,
    node: &Node,
    problems: &mut Problems,
) -> Option<AlignSpec> {
    if component.name == catalogue::TOTALS.name {
        let TotalsSettings { learn, minimum, decimals } =
            settings::take(fields, component, node, problems)?;
        let protocol = Protocol::Totals { minimum, decimals };
        return Some(AlignSpec { protocol, learn, join: Join::default() });
    }
    if component.name == catalogue::HIDDEN.name {
        let HiddenSettings { minimum } = settings::take(fields, component, node, problems)?;
        let protocol = Protocol::Hidden { minimum };
        return Some(AlignSpec { protocol, learn: Learn::Both, join: Join::default() });
    }
    if component.name == catalogue::UNBALANCED.name {
        let UnbalancedSettings { learn, join, asked_max } =
            settings::take(fields, component, node, problems)?;
        return Some(AlignSpec { protocol: Protocol::Unbalanced { asked_max }, learn, join });
    }
    if component.name == catalogue::MULTIPARTY.name {
        let MultipartySettings { learn, join } = settings::take(fields, component, node, problems)?;
        let learn = match learn {
            MultipartyLearn::All => Learn::Both,
            MultipartyLearn::Guest => Learn::Guest,
        };
        return Some(AlignSpec { protocol: Protocol::Multiparty, learn, join });
    }
    let settings: IntersectionSettings = settings::take(fields, component, node, problems)?;
    settings.of(Intersection::named(component.short_name())?)
}

/// What the alignment needs of the rest of the job; `add` takes a key of the job, a message and
/// advice.
pub(super) fn check(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    match job.align.protocol {
        Protocol::Intersection(_) => {
            check_models(job, add);
            check_join_and_payload(job, add);
        }
        Protocol::Multiparty => {
            check_models(job, add);
            check_nothing_is_pairwise(job, add);
        }
        Protocol::Unbalanced { .. } | Protocol::Totals { .. } => check_nothing_needs_rows(job, add),
        // See `hidden`.
        Protocol::Hidden { .. } => {}
    }
    if job.align.join == Join::Left && job.align.learn == Learn::Host {
        let message = "`join: left` is the guest's, which does not learn the rows".to_owned();
        add("align", message, "`learn: both` or `learn: guest`");
    }
    let has_sums = job.parties().any(|party| !party.sum.is_empty());
    if has_sums && !matches!(job.align.protocol, Protocol::Totals { .. }) {
        let message = "`sum` is for jobs in which nobody learns which rows are common".to_owned();
        add("align", message, "`protocol: totals`, or leave `sum` out");
    }
}

/// Not both parties get to know the common rows.
fn check_nothing_needs_rows(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    let name = job.align.protocol.component().short_name();
    let asks_for = [
        ("train", !job.train.is_empty()),
        ("score", job.score.is_some()),
        ("payload", has_payload(job)),
        ("keys", job.guest.has_several_keys()),
    ];
    for (key, _) in asks_for.into_iter().filter(|(_, asks)| *asks) {
        let message =
            format!("`{key}` needs both parties to know the common rows, unlike `{name}`");
        let help = format!("`protocol: ecdh` or `rr22`, or leave `{key}` out");
        add("align", message, &help);
    }
}

/// Models are trained, and applied, over rows that every party knows.
fn check_models(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    if !job.needs_common_rows() {
        return;
    }
    let key = if job.score.is_some() { "score" } else { "train" };
    if job.align.learn != Learn::Both {
        let message = format!("`{key}` needs every party to know the common rows");
        let all = if job.align.protocol == Protocol::Multiparty { "all" } else { "both" };
        add("align", message, &format!("`learn: {all}`, or leave `{key}` out"));
    }
    if has_payload(job) || job.align.join != Join::Inner {
        let message = "`payload` and `join` are for jobs that only align".to_owned();
        let help = format!("leave `{key}` out; models need no column of the other party");
        add("align", message, &help);
    }
}

/// What is between two parties has no place among several.
fn check_nothing_is_pairwise(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    let asks_for = [("payload", has_payload(job)), ("keys", job.guest.has_several_keys())];
    for (key, _) in asks_for.into_iter().filter(|(_, asks)| *asks) {
        let message = format!("`{key}` is for one guest and one host, unlike `multiparty`");
        let help = format!("leave `{key}` out, or take `ecdh` or `rr22` with one host");
        add("align", message, &help);
    }
}

pub(super) fn has_payload(job: &JobSpec) -> bool {
    job.parties().any(|party| !party.payload.is_empty())
}

/// Several keys, joins and payload: what they need of the alignment.
fn check_join_and_payload(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    let AlignSpec { learn, join, .. } = job.align;
    if job.guest.has_several_keys() && learn != Learn::Both {
        let message = "with several keys both parties must know the common rows".to_owned();
        let help = "`learn: both`, or a single `key`: who does not know which rows were matched \
                    cannot leave them out of the next round";
        add("align", message, help);
    }
    if has_payload(job) && learn != Learn::Both {
        let message = "`payload` needs both parties to know the common rows".to_owned();
        add("align", message, "`learn: both`: who sends must know of which rows");
    }
    if has_payload(job) && join == Join::Anti {
        let message = "`join: anti` keeps rows that the other party does not have".to_owned();
        add("align", message, "leave `payload` out, or `join: left`");
    }
}

/// `align` without its protocol: what the descriptors of intersections list as parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IntersectionSettings {
    learn: Learn,
    join: Join,
    /// Of those protocols that have it, as the next one.
    #[serde(default)]
    curve: Curve,
    #[serde(default)]
    security: Security,
}

impl IntersectionSettings {
    /// A protocol without the parameters `curve` and `security` has the defaults, which all have.
    fn of(self, protocol: Intersection) -> Option<AlignSpec> {
        let Self { learn, join, curve, security } = self;
        let protocol = Protocol::Intersection(protocol.on(curve)?.against(security)?);
        Some(AlignSpec { protocol, learn, join })
    }
}

/// The same for `unbalanced`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnbalancedSettings {
    learn: Learn,
    join: Join,
    asked_max: u32,
}

/// The same for `totals`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TotalsSettings {
    learn: Learn,
    minimum: u32,
    decimals: u32,
}

/// The same for `hidden`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HiddenSettings {
    minimum: u32,
}

/// The same for `multiparty`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MultipartySettings {
    learn: MultipartyLearn,
    join: Join,
}

/// Who learns what all parties have in common: the host's place is not that of one party.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum MultipartyLearn {
    All,
    Guest,
}
