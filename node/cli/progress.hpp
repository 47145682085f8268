#pragma once

#include <chrono>
#include <string>

namespace maillon::cli {

/// Shows long work on stderr: a bar on a terminal, else a line every few seconds.
class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(double fraction, const std::string& what);
  /// Takes the bar off the terminal.
  void clear();

 private:
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace maillon::cli
