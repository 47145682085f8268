#include "node/replica/writer.hpp"

namespace maillon::replica {
namespace {

constexpr std::size_t kBatchMax = 256;  ///< jobs that share one fsync
constexpr int kCheckpointPages = 4096;  ///< 16 MiB of WAL
/// How long nothing must come before idle work begins: whoever types again soon need not wait for it.
constexpr std::chrono::milliseconds kQuiet{50};

}  // namespace

Writer::Writer(std::unique_ptr<storage::Store> store) : store_(std::move(store)) {
  sqlite3_wal_hook(
      store_->database().raw(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Writer*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  thread_ = std::thread{[this] { loop(); }};
}

Writer::~Writer() { stop(); }

void Writer::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Writer::submit(Job job, Done done) { enqueue({std::move(job), std::move(done)}); }

void Writer::enqueue(Item item) {
  {
    const std::lock_guard lock{mutex_};
    if (!stopping_) {
      queue_.push_back(std::move(item));
      wake_.notify_all();
      return;
    }
  }
  item.done(Error{Errc::unavailable, "the node is stopping"});
}

Result<void> Writer::run_void(Job job) {
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  submit(std::move(job), [&](Result<void> result) { promise.set_value(std::move(result)); });
  return future.get();
}

Result<void> Writer::run_alone(Job job, const std::function<void()>& once_durable) {
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  const auto done = [&](Result<void> result) {
    if (result.has_value()) once_durable();
    promise.set_value(std::move(result));
  };
  enqueue({std::move(job), done, /*alone=*/true});
  return future.get();
}

Result<bool> Writer::empty_wal() {
  bool emptied = false;
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  enqueue({[&](storage::Store&) -> Result<void> {
             emptied = checkpoint(/*all=*/true);
             return {};
           },
           [&](Result<void> result) { promise.set_value(std::move(result)); },
           /*alone=*/true, /*outside=*/true});
  const auto done = future.get();
  if (done.has_error()) return done.error();
  return emptied;
}

void Writer::set_on_durable(std::function<void(storage::Store&)> call) {
  on_durable_ = std::move(call);
}

void Writer::set_idle(std::function<Result<bool>(storage::Store&)> work) {
  const std::lock_guard lock{mutex_};
  idle_ = std::move(work);
  idle_work_ = idle_ != nullptr;
  wake_.notify_all();
}

std::size_t Writer::waiting() const {
  const std::lock_guard lock{mutex_};
  return queue_.size();
}

void Writer::loop() {
  bool worked = false;
  for (;;) {
    std::deque<Item> batch;
    {
      std::unique_lock lock{mutex_};
      const auto busy = [&] { return stopping_ || !queue_.empty(); };
      wake_.wait(lock, [&] { return busy() || idle_work_; });
      if (worked && !busy()) wake_.wait_for(lock, kQuiet, busy);
      while (!queue_.empty() && batch.size() < kBatchMax) {
        const bool apart = !batch.empty() && (queue_.front().alone || batch.back().alone);
        if (apart) break;
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      if (batch.empty() && stopping_) break;
    }
    worked = !batch.empty();
    if (worked)
      run_batch(batch);
    else if (!idle_step()) {
      const std::lock_guard lock{mutex_};
      idle_work_ = false;
    }
  }
  checkpoint(/*all=*/true);
}

Result<void> Writer::attempt(std::deque<Item>& batch) {
  MAILLON_CHECK(store_->begin());
  for (Item& item : batch) MAILLON_CHECK(item.job(*store_));
  return store_->commit();
}

void Writer::run_batch(std::deque<Item>& batch) {
  if (batch.front().outside) return batch.front().done(batch.front().job(*store_));
  const Result<void> result = attempt(batch);
  if (result.has_error()) {
    const bool undone = store_->rollback().has_value();
    // Whatever fsync said no to may be lost already, and asking again may lie (fsyncgate).
    MAILLON_ASSERT(undone && result.error().code != Errc::io,
                   "the disk refused a write: " + result.error().detail);
    if (batch.size() == 1) return batch.front().done(result);
    for (Item& item : batch) {
      std::deque<Item> alone;
      alone.push_back(std::move(item));
      run_batch(alone);
    }
    return;
  }
  if (on_durable_) on_durable_(*store_);
  for (Item& item : batch) item.done(Result<void>{});
  if (wal_pages_ >= kCheckpointPages) checkpoint(/*all=*/false);
  const std::lock_guard lock{mutex_};
  idle_work_ = idle_ != nullptr;
}

bool Writer::idle_step() {
  if (!idle_ || store_->begin().has_error()) return false;
  const auto more = idle_(*store_);
  if (more.has_value() && store_->commit().has_value()) return *more;
  MAILLON_ASSERT(store_->rollback().has_value(), "a transaction can be rolled back");
  return false;
}

bool Writer::checkpoint(bool all) {
  // Readers may keep some of it from being copied; the next one takes that.
  const int mode = all ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const bool done = sqlite3_wal_checkpoint_v2(store_->database().raw(), nullptr, mode, nullptr,
                                              nullptr) == SQLITE_OK;
  if (done) wal_pages_ = 0;
  return done;
}

}  // namespace maillon::replica
