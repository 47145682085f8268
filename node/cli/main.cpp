#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>

#include "node/cli/execute.hpp"

namespace {

int run(int argc, char** argv) {
  using namespace maillon;
  // A reader that goes away is an error of write(), not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  // So is a file that reached the limit of the system.
  std::signal(SIGXFSZ, SIG_IGN);
  // Bodies of a megabyte come and go by the thousand: given back each time, every page of them is
  // a fault again.
  ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("maillon"));
  spdlog::set_level(spdlog::level::err);
  cli::Line line;
  int exit_code = 0;
  if (!cli::parse(argc, argv, line, exit_code)) return exit_code;
  try {
    if (const auto sound = crypto::self_test(); sound.has_error())
      return cli::fail(line, sound.error());
    return line.action ? line.action(line) : cli::execute(line);
  } catch (const std::filesystem::filesystem_error& error) {
    return cli::fail(line, Error{Errc::io, error.what()});
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "maillon: %s\n", error.what());
    return 1;
  }
}
