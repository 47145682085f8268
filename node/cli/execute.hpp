#pragma once

#include "node/admin/json_writer.hpp"
#include "node/cli/line.hpp"

/// What happens once the line is parsed.
namespace maillon::cli {

/// Runs the request: by the daemon if there is one, else on the folder itself. Gives the exit code.
[[nodiscard]] int execute(Line& line);
/// Asks on the terminal whether what was just said is to be done, and says so if it is not.
[[nodiscard]] bool agreed(const Line& line);
/// Whether what is to be done is shown and asked first: not with --yes or --json, which agree
/// beforehand. Errc::usage without them where no person is there to be asked.
[[nodiscard]] Result<bool> asks(const Line& line);
/// Shows people what the request will change and asks them, then runs it; scripts say --yes.
[[nodiscard]] int ask_then_execute(Line& line);
/// Says what went wrong; gives the exit code.
int fail(const Line& line, const Error& error);
/// Says what came of it; gives the exit code. `data_on_stdout`: people's text goes to stderr.
int present(const Line& line, const admin::Reply& reply, bool data_on_stdout = false);

}  // namespace maillon::cli
