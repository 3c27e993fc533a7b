//! Transport, operator and server.

use ispeed_protocol::device::TransportKind;
use ispeed_protocol::sample::Sample;
use ispeed_protocol::servers::ServerClass;

use super::{Objections, has_figures};
use crate::context::{Context, ServerState, Side};
use crate::operators::{self, Operator, Plmn};
use crate::reason::Reason;

pub(super) fn judge(sample: &Sample, context: &Context, out: &mut Objections) {
    let transport = &sample.transport;
    match transport.kind {
        TransportKind::Cellular => {}
        TransportKind::Unknown => out.when(true, Reason::TransportUnknown),
        TransportKind::Wifi | TransportKind::Ethernet | TransportKind::Other => out.when(true, Reason::NotCellular),
    }
    out.when(transport.changed, Reason::TransportChanged);
    out.when(transport.captive_portal == Some(true), Reason::CaptivePortal);
    out.when(transport.vpn == Some(true), Reason::Vpn);
    if transport.kind == TransportKind::Cellular {
        operator(sample, context, out);
    }
    server(sample, context, out);
}

fn operator(sample: &Sample, context: &Context, out: &mut Objections) {
    let plmn = |text: &Option<String>| text.as_deref().and_then(Plmn::parse);
    let (serving, sim) = (plmn(&sample.transport.serving_plmn), plmn(&sample.transport.sim_plmn));
    let foreign = |plmn: Option<Plmn>| plmn.is_some_and(|plmn| !plmn.is_vietnamese());

    if foreign(serving) {
        out.when(true, Reason::ForeignNetwork);
        return;
    }
    // Between two Vietnamese networks (an MVNO on its host, Gmobile on VinaPhone) phones may say "roaming" as well;
    // that traffic stays in the country and is reported under the host.
    let national = serving.is_some() && sim.is_some_and(Plmn::is_vietnamese);
    out.when(foreign(sim) || (sample.transport.roaming == Some(true) && !national), Reason::Roaming);

    let serving_operator = operators::serving_operator_of(sample, context.upload_asn);
    // iOS names no operator, so there the phone leaves the question to the collector, which sees the network.
    let left_to_collector = context.side == Side::Phone && sample.device.platform == "ios" && serving.is_none();
    out.when(serving_operator == Operator::Unknown && !left_to_collector, Reason::OperatorUnknown);

    let seen = operators::seen_asn(sample).and_then(operators::mobile_operator_of_asn);
    let named = [serving, sim].map(|plmn| plmn.map(Plmn::operator));
    let contradicts = seen.is_some_and(|seen| named.iter().any(Option::is_some) && !named.contains(&Some(seen)));
    out.when(contradicts, Reason::NetworkInconsistent);
}

fn server(sample: &Sample, context: &Context, out: &mut Objections) {
    let Some(server) = &sample.server else {
        out.when(has_figures(sample), Reason::ServerUnknown);
        return;
    };
    let class = match context.server {
        ServerState::NotChecked => server.class,
        ServerState::Approved(class) => Some(class),
        ServerState::NotApproved => {
            out.when(true, Reason::ServerUnknown);
            return;
        }
    };
    out.when(class == Some(ServerClass::Abroad), Reason::ServerAbroad);
    out.when(class == Some(ServerClass::Lab) && !context.accept_simulated, Reason::ServerLab);
}
