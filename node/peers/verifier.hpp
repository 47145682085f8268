#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace maillon::peers {

/// The thread on which signatures and hashes are checked, in order of arrival, so that the writer
/// writes one commit while the next is verified. What waits is bounded by the sessions' windows.
class Verifier {
 public:
  Verifier();
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;
  /// Any thread.
  void submit(std::function<void()> work);
  void stop();  ///< drops what waits

 private:
  void loop();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace maillon::peers
