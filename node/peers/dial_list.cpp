#include "node/net/url.hpp"
#include "node/peers/peer_service.hpp"

namespace maillon::peers {

Result<void> check_url(std::string_view url) {
  MAILLON_TRY(const auto parsed, net::Url::parse(url));
  return {};
}

Result<std::vector<DialEntry>> dial_list(replica::Replica& replica) {
  return replica.read<std::vector<DialEntry>>(
      [](replica::Reader& reader) -> Result<std::vector<DialEntry>> {
        std::vector<DialEntry> out;
        MAILLON_TRY(auto get, reader.database().prepare("SELECT url, node FROM dial ORDER BY url"));
        for (;;) {
          MAILLON_TRY(const bool more, get.step());
          if (!more) return out;
          DialEntry entry{std::string{get.text(0)}, std::nullopt};
          if (!get.is_null(1)) {
            MAILLON_TRY(entry.node, NodeId::from_bytes(get.blob(1)));
          }
          out.push_back(std::move(entry));
        }
      });
}

Result<void> dial_add(replica::Replica& replica, const DialEntry& entry) {
  return replica.writer().run_void([&](storage::Store& store) -> Result<void> {
    MAILLON_TRY(auto put, store.database().prepare(
                              "INSERT INTO dial(url, node) VALUES(?1, ?2)"
                              " ON CONFLICT(url) DO UPDATE SET node = excluded.node"));
    put.bind(1, std::string_view{entry.url});
    if (entry.node)
      put.bind(2, entry.node->bytes());
    else
      put.bind_null(2);
    return put.run();
  });
}

Result<bool> dial_remove(replica::Replica& replica, std::string_view url_or_node) {
  return replica.write<bool>([&](storage::Store& store) -> Result<bool> {
    MAILLON_TRY(auto drop, store.database().prepare("DELETE FROM dial WHERE url = ?1"
                                                    " OR lower(hex(node)) = lower(?1)"));
    MAILLON_CHECK(drop.bind(1, url_or_node).run());
    return store.database().changes() > 0;
  });
}

}  // namespace maillon::peers
