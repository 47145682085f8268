#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "storage/store/store.hpp"

namespace maillon::replica {

/// The one thread that writes: takes jobs in order, joins what waits into one transaction, and tells
/// each job's owner only once the transaction is durable (group commit).
class Writer {
 public:
  /// Must give the same result when run again: a batch in which another job failed is rolled back
  /// and its jobs run one by one.
  using Job = std::function<Result<void>(storage::Store&)>;
  /// On the writer's thread, with what became of the job; durable when it succeeded.
  using Done = std::function<void(Result<void>)>;

  explicit Writer(std::unique_ptr<storage::Store> store);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Any thread. Errc::unavailable once stopping.
  void submit(Job job, Done done);
  /// Any thread but the writer's: waits.
  template <class T>
  Result<T> run(std::function<Result<T>(storage::Store&)> job);
  Result<void> run_void(Job job);
  /// In a transaction of its own; `once_durable` on the writer's thread, before any other job.
  Result<void> run_alone(Job job, const std::function<void()>& once_durable);

  /// Any thread but the writer's: copies the whole WAL into the database and empties it, so that
  /// nothing that was overwritten is left there. False while somebody reads an older snapshot.
  Result<bool> empty_wal();

  /// After each durable transaction, on the writer's thread, before the jobs' owners are told.
  void set_on_durable(std::function<void(storage::Store&)> call);
  /// Runs when nothing waits, until it says false; for work that may take its time.
  void set_idle(std::function<Result<bool>(storage::Store&)> work);
  [[nodiscard]] std::size_t waiting() const;
  /// Finishes what waits, checkpoints, ends the thread. Called by the destructor too.
  void stop();

 private:
  struct Item {
    Job job;
    Done done;
    bool alone = false;
    bool outside = false;  ///< of any transaction
  };
  void enqueue(Item item);
  void loop();
  void run_batch(std::deque<Item>& batch);
  Result<void> attempt(std::deque<Item>& batch);
  bool checkpoint(bool all);
  bool idle_step();

  std::unique_ptr<storage::Store> store_;
  std::function<void(storage::Store&)> on_durable_;
  std::function<Result<bool>(storage::Store&)> idle_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;   ///< protected by mutex_
  bool stopping_ = false;    ///< protected by mutex_
  bool idle_work_ = false;   ///< protected by mutex_
  int wal_pages_ = 0;
  std::thread thread_;
};

template <class T>
Result<T> Writer::run(std::function<Result<T>(storage::Store&)> job) {
  std::optional<Result<T>> out;
  const auto run = run_void([&](storage::Store& store) -> Result<void> {
    out = job(store);
    if (out->has_error()) return out->error();
    return {};
  });
  if (run.has_error()) return run.error();
  return *std::move(out);
}

}  // namespace maillon::replica
