// Questions and changes from the control thread to a worker: answered between two bursts, in
// bounded steps, without locks.
//
// Ownership: a Request belongs to the inbox while it waits, to the worker while it runs, and to
// whoever takes it from the outbox afterwards.
#pragma once

#include <atomic>
#include <memory>

#include "dataplane/worker.h"

namespace platypus {

class Request {
 public:
  virtual ~Request() = default;
  /// One bounded step on the worker's thread; true when there is no more to do.
  virtual bool step(Worker& worker) = 0;

 private:
  friend class RequestQueue;
  Request* next_ = nullptr;
};

/// Requests from any thread, taken by one, in the order in which they came.
class RequestQueue {
 public:
  ~RequestQueue() {
    while (take() != nullptr) {
    }
  }
  void put(std::unique_ptr<Request> request) {
    Request* added = request.release();
    added->next_ = head_.load(std::memory_order_relaxed);
    while (!head_.compare_exchange_weak(added->next_, added, std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
  }
  /// The oldest request; null when there is none. Only one thread may call it.
  std::unique_ptr<Request> take() {
    if (taken_ == nullptr) {
      Request* newest = head_.exchange(nullptr, std::memory_order_acquire);
      while (newest != nullptr) {
        Request* older = newest->next_;
        newest->next_ = taken_;
        taken_ = newest;
        newest = older;
      }
    }
    std::unique_ptr<Request> oldest(taken_);
    if (taken_ != nullptr) taken_ = taken_->next_;
    return oldest;
  }
  bool maybeEmpty() const {
    return taken_ == nullptr && head_.load(std::memory_order_relaxed) == nullptr;
  }

 private:
  std::atomic<Request*> head_{nullptr};
  Request* taken_ = nullptr;
};

}  // namespace platypus
