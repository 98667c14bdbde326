//! For programs. Typed images are the decision record itself; of manifests the record is one field beside the places.

use countersign_core::{Report, printable};
use serde::Serialize;

use super::{Demand, Results, Row};
use crate::output;

const API_VERSION: &str = "countersign.dev/manifests/v1alpha1";

/// What was judged of manifests.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifests {
    api_version: &'static str,
    /// The heaviest effect of all places: `allow`, `unknown` or `deny`.
    effect: &'static str,
    /// One for each place at which an image is written, in the order of the input.
    places: Vec<PlaceReport>,
    /// The decisions, as `verify IMAGE` reports them: `replay` takes this part.
    report: Report,
}

/// One place at which an image is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceReport {
    file: String,
    line: usize,
    column: usize,
    object: String,
    field: String,
    role: &'static str,
    image: String,
    effect: &'static str,
    /// What the command line demands and the image lacks; absent if nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    demands: Vec<DemandReport>,
    /// Which of `report.images` is about it.
    decision: usize,
}

/// Something that the command line demands.
#[derive(Serialize)]
struct DemandReport {
    code: &'static str,
    message: String,
    effect: &'static str,
}

pub(super) fn render(results: &Results, explain: bool) -> String {
    let report = match explain {
        true => Report::explained(&results.decisions),
        false => Report::new(&results.decisions),
    };
    if results.objects.is_none() {
        return report.to_json();
    }
    let rows = results.rows();
    let worst = rows.iter().map(|row| row.effect).max();
    output::json(&Manifests {
        api_version: API_VERSION,
        // Nothing was found, and --allow-empty says that this is meant.
        effect: worst.map_or("allow", |effect| effect.as_str()),
        places: rows.iter().filter_map(place).collect(),
        report,
    })
}

fn place(row: &Row<'_>) -> Option<PlaceReport> {
    let written = row.entry.written.as_ref()?;
    Some(PlaceReport {
        file: printable(&written.file),
        line: written.line,
        column: written.column,
        object: printable(&written.object),
        field: printable(&written.field),
        role: written.role,
        image: printable(&row.entry.image),
        effect: row.effect.as_str(),
        demands: row.entry.demands.iter().map(demand).collect(),
        decision: row.entry.decision,
    })
}

fn demand(demand: &Demand) -> DemandReport {
    DemandReport {
        code: demand.code.as_str(),
        message: demand.message.clone(),
        effect: demand.effect.as_str(),
    }
}
