#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "node/admin/command.hpp"

namespace maillon::app {

struct DaemonOptions {
  std::filesystem::path data;
  std::string listen = "0.0.0.0:7766";
  std::string http = "off";
  std::string log = "info";
  std::vector<std::string> public_urls;
  std::vector<std::string> trusted_proxies;
  bool dial = true;
};

/// Serves until SIGTERM or SIGINT. Prints one line on stdout once everything listens; all else goes
/// to the log on stderr. Call it from a process that has no other threads yet.
[[nodiscard]] Result<void> serve(const DaemonOptions& options);

}  // namespace maillon::app
