#include "node/admin/taken_words.hpp"

#include "node/admin/decision_words.hpp"
#include "node/admin/space_names.hpp"
#include "node/federation/proposal_names.hpp"
#include "node/federation/rights.hpp"

namespace maillon::admin {
namespace {

using federation::TakenRight;

std::string what_is_lost(const Call& call, const storage::Trust& trust, const TakenRight& right) {
  if (right.write)
    return call.say(
        "ce membre n’y écrit plus ; ce qu’il y avait écrit sans que ceux qui ont décidé le "
        "connaissent est sans effet",
        "this member may no longer write there; what it had written there, unknown to those who "
        "decided, has no effect");
  if (trust.may_write(call.self(), right.space))
    return call.say(
        "ce membre n’a plus le droit de le lire ; rien n’en arrive plus, et ce qu’il y a écrit "
        "depuis n’est pas parti",
        "this member may no longer read it; nothing of it comes any more, and what it wrote there "
        "since was not sent");
  return call.say(
      "ce membre n’a plus le droit de le lire ; rien n’en arrive plus, ce qui est ici se lit "
      "toujours",
      "this member may no longer read it; nothing of it comes any more, what is here can still be "
      "read");
}

}  // namespace

std::vector<std::string> taken_rights_in_words(Call& call) {
  std::vector<std::string> out;
  const auto trust = call.replica().trust();
  const SpaceNames names{*trust, call.self()};
  const federation::ProposalNames proposals{*trust};
  for (const TakenRight& right : federation::rights_taken_from(*trust, call.self())) {
    const std::string name = for_terminal(trust->space(right.space)->declaration.name, 60);
    const std::string typed =
        for_terminal(names.typed(right.space, trust->space(right.space)->declaration.name), 80);
    out.push_back(call.say(
        "{} : {} (décision {} du {}, proposée par {}) ; un délégué peut proposer de lui rendre ce "
        "droit : « maillon propose widen {} --{} {} »",
        "{}: {} (decision {} of {}, proposed by {}); a delegate can propose to give it that right "
        "again: `maillon propose widen {} --{} {}`",
        name, what_is_lost(call, *trust, right), proposals.brief(right.by->id),
        local(right.by->time.time()), named(*trust, right.by->proposer), typed,
        right.write ? "writer" : "reader", shortened(call.self())));
  }
  return out;
}

void write_taken_rights(JsonWriter& json, Call& call) {
  const auto trust = call.replica().trust();
  const federation::ProposalNames proposals{*trust};
  json.key("rights_taken").array();
  for (const TakenRight& right : federation::rights_taken_from(*trust, call.self()))
    json.object()
        .field("space", trust->space(right.space)->declaration.name)
        .field("space_id", right.space.hex())
        .field("right", right.write ? "write" : "read")
        .field("since", utc(right.by->time.time()))
        .field("proposal", proposals.full(right.by->id))
        .end_object();
  json.end_array();
}

}  // namespace maillon::admin
