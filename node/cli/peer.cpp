#include "node/cli/line.hpp"

/// peer add, list, remove; sync.
namespace maillon::cli {

void add_peer(Command app, Line& line) {
  Command peer = app.add("peer", line.say("Les nœuds à appeler.", "The nodes to dial."), "");
  peer.needs_subcommand();
  Command add = peer.add("add", line.say("Ajoute une adresse.", "Adds an address."), "peer add");
  add.value("URL", "url", line.say("ws://hôte:port ou wss://hôte", "ws://host:port or wss://host"))
      .required();
  add.value("--node-id", "node-id",
            line.say("Quel nœud doit y répondre", "Which node must answer there"));
  peer.add("list", line.say("Les adresses indiquées.", "The configured addresses."), "peer list");
  Command remove =
      peer.add("remove", line.say("Retire une adresse.", "Removes an address."), "peer remove");
  remove
      .value("ID", "id",
             line.say("L’adresse, ou l’identifiant du nœud", "The address, or the node's id"))
      .required();
}

void add_sync(Command app, Line& line) {
  Command sync = app.add("sync",
                         line.say("Échange avec tous les pairs joignables.",
                                  "Exchanges with all peers that can be reached."),
                         "sync");
  sync.value("--wait", "wait",
             line.say("Secondes au plus (30) jusqu’à ce que tous soient d’accord",
                      "Seconds at most (30) until all agree"));
  sync.then([&line] {
    line.request.command = "sync";
    line.needs_peers = true;
  });
}

}  // namespace maillon::cli
