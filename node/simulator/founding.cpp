#include "node/simulator/founding.hpp"

#include "node/topology/topology.hpp"

namespace maillon::sim {

using namespace storage;

namespace {

/// Everything that the founder decides alone, on the first day.
std::vector<GovernanceOp> first_decisions(const std::vector<Founder>& founders,
                                          const FederationId& federation) {
  std::vector<GovernanceOp> ops;
  const auto pass = [&](const Bytes& proposal) {
    ops.push_back({OpKind::proposal, proposal});
    ops.push_back(
        {OpKind::vote, encode(Vote{std::nullopt, static_cast<std::uint32_t>(ops.size())})});
  };
  const auto declare = [&](const std::vector<Bytes>& spaces) {
    for (const Bytes& space : spaces) {
      Proposal proposal;
      proposal.space = space;
      pass(encode(proposal));
    }
  };
  declare(common_spaces(federation));
  std::set<std::string> regions;
  for (const Founder& founder : founders)
    if (regions.insert(founder.who->region).second)
      declare(regional_spaces(federation, founder.who->region));
  std::set<MemberId> admitted{founders.front().who->member};
  for (const Founder& founder : founders)
    if (admitted.insert(founder.who->member).second) pass(founder.who->admission());
  return ops;
}

std::vector<GovernanceOp> first_delegates(const std::vector<Founder>& founders) {
  std::vector<GovernanceOp> ops;
  std::set<MemberId> named{founders.front().who->member};
  for (const Founder& founder : founders) {
    if (!founder.delegate || !named.insert(founder.who->member).second) continue;
    Proposal proposal;
    proposal.delegate = DelegateChange{founder.who->member};
    ops.push_back({OpKind::proposal, encode(proposal)});
    ops.push_back(
        {OpKind::vote, encode(Vote{std::nullopt, static_cast<std::uint32_t>(ops.size())})});
  }
  return ops;
}

}  // namespace

void found(Room& room, Network& network, Network::Nodes& nodes,
           const std::vector<Founder>& founders) {
  for (const Founder& founder : founders)
    nodes.push_back(
        std::make_unique<SimNode>(room, network, static_cast<int>(nodes.size()), founder.who));
  SimNode& first = *nodes.front();
  first.start();
  first.found(annuaire_declaration(room.dice.rng()));
  const FederationId federation = *first.store().federation();
  first.note(first.who(), first_decisions(founders, federation));
  if (const auto ops = first_delegates(founders); !ops.empty()) first.note(first.who(), ops);
  for (const Founder& founder : founders) {
    const Identity& who = *founder.who;
    if (first.store().trust()->member_of(who.node) == nullptr)
      first.note(first.who(), {{OpKind::certificate, who.certificate()}});
    if (founder.has_address)
      first.note(who,
                 {{OpKind::address, encode(Address{{"ws://" + to_hex(who.node.bytes()) + "/"}})}});
  }
  const SpaceId annuaire = first.store().trust()->annuaire();
  first.stop(End::clean);
  const SimNode::Backup image = first.backup();
  for (const auto& node : nodes) {
    node->put(image);
    node->follow(federation, annuaire);
    node->start();
  }
}

std::size_t link_by_topology(Room& room, Network& network, const Network::Nodes& nodes,
                             const std::vector<int>& of) {
  std::map<NodeId, int> index;
  for (const auto& node : nodes) index.emplace(node->who().node, node->index());
  std::size_t out = 0;
  for (const int at : of) {
    SimNode& node = *nodes[static_cast<std::size_t>(at)];
    const topology::Situation here{node.who().node, room.dice.u64(), {}, {}};
    for (const NodeId& other : topology::choose(*node.store().trust(), here)) {
      const auto to = index.find(other);
      if (to == index.end() || network.linked(at, to->second)) continue;
      network.link(at, to->second);
      ++out;
    }
  }
  return out;
}

}  // namespace maillon::sim
