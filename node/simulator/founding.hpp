#pragma once

#include "node/simulator/network.hpp"

namespace maillon::sim {

/// One node of a federation that begins. The first in a list founds it.
struct Founder {
  std::shared_ptr<const Identity> who;
  bool delegate = false;
  bool has_address = true;  ///< else it can only dial out
};

/// Founds a federation in which all are members already, each with its node, with the spaces of
/// their regions and those of everyone, and starts a node for each. It is founded once: everybody
/// starts from one image of that folder.
void found(Room& room, Network& network, Network::Nodes& nodes,
           const std::vector<Founder>& founders);

/// Links each of `of` to whom node/topology chooses by what it knows; how many links were new.
std::size_t link_by_topology(Room& room, Network& network, const Network::Nodes& nodes,
                             const std::vector<int>& of);

}  // namespace maillon::sim
