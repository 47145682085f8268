#include "node/peers/verifier.hpp"

namespace maillon::peers {

Verifier::Verifier() : thread_{[this] { loop(); }} {}
Verifier::~Verifier() { stop(); }

void Verifier::submit(std::function<void()> work) {
  const std::lock_guard lock{mutex_};
  queue_.push_back(std::move(work));
  wake_.notify_one();
}

void Verifier::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    queue_.clear();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Verifier::loop() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock{mutex_};
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace maillon::peers
