// The test program: doctest with a reporter of one line a test, which scripts can read.
//
//   ok NAME
//   ok NAME # SKIP reason
//   not ok NAME - file:line: expression: values
//   # file:line: …            (further failures of the same test)
//   # text                    (MESSAGE, before its test's line)
//   12 passed, 1 failed, 0 skipped
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PLATYPUS_ADDRESS_SANITIZER
#endif
#endif
// AddressSanitizer explains a crash better than doctest, which would take the signal first.
#if defined(__SANITIZE_ADDRESS__) || defined(PLATYPUS_ADDRESS_SANITIZER)
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#endif
#define DOCTEST_CONFIG_IMPLEMENT
#include <mutex>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "test/test.h"

namespace platypus::test {
namespace {

std::string skip_reason;

class LineReporter final : public doctest::IReporter {
 public:
  explicit LineReporter(const doctest::ContextOptions& options) : out_(*options.cout) {}

  void test_case_start(const doctest::TestCaseData& test) override {
    name_ = test.m_name;
    failures_.clear();
    skip_reason.clear();
  }

  void log_assert(const doctest::AssertData& assertion) override {
    if (!assertion.m_failed) return;
    std::ostringstream text;
    text << assertion.m_file << ':' << assertion.m_line << ": " << assertion.m_expr;
    if (assertion.m_threw) {
      text << ": threw " << assertion.m_exception.c_str();
    } else if (assertion.m_decomp.size() != 0) {
      text << ": " << assertion.m_decomp.c_str();
    }
    appendContexts(text);
    addFailure(text.str());
  }

  void log_message(const doctest::MessageData& message) override {
    std::ostringstream text;
    text << message.m_file << ':' << message.m_line << ": " << message.m_string.c_str();
    appendContexts(text);
    if ((message.m_severity & doctest::assertType::is_warn) == 0) {
      addFailure(text.str());
    } else {
      const std::lock_guard lock(mutex_);
      out_ << "# " << message.m_string.c_str() << '\n';
    }
  }

  void test_case_exception(const doctest::TestCaseException& exception) override {
    addFailure(std::string("exception: ") + exception.error_string.c_str());
  }

  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    const std::lock_guard lock(mutex_);
    if (stats.failure_flags != 0 || !failures_.empty()) {
      ++failed_;
      if (failures_.empty()) failures_.push_back("failed outside of an assertion");
      out_ << "not ok " << name_ << " - " << failures_[0] << '\n';
      for (size_t i = 1; i < failures_.size(); ++i) out_ << "# " << failures_[i] << '\n';
    } else if (!skip_reason.empty()) {
      ++skipped_;
      out_ << "ok " << name_ << " # SKIP " << skip_reason << '\n';
    } else {
      ++passed_;
      out_ << "ok " << name_ << '\n';
    }
    out_.flush();
  }

  void test_run_end(const doctest::TestRunStats&) override {
    out_ << passed_ << " passed, " << failed_ << " failed, " << skipped_ << " skipped" << std::endl;
  }

  void report_query(const doctest::QueryData& query) override {
    for (unsigned i = 0; i < query.num_data; ++i) out_ << query.data[i]->m_name << '\n';
  }

  void test_run_start() override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  static void appendContexts(std::ostringstream& text) {
    const auto* contexts = get_active_contexts();
    for (int i = 0; i < get_num_active_contexts(); ++i) {
      text << " [";
      contexts[i]->stringify(&text);
      text << ']';
    }
  }

  // One line each, whatever the values hold: the report is read line by line.
  void addFailure(std::string text) {
    for (char& c : text) {
      if (c == '\n' || c == '\r') c = ' ';
    }
    const std::lock_guard lock(mutex_);
    failures_.push_back(std::move(text));
  }

  std::ostream& out_;
  std::mutex mutex_;
  std::string name_;
  std::vector<std::string> failures_;
  int passed_ = 0;
  int failed_ = 0;
  int skipped_ = 0;
};

const int registered = doctest::registerReporter<LineReporter>("lines", 0, true);

}  // namespace

void markSkipped(const char* reason) {
  skip_reason = reason;
}

}  // namespace platypus::test

int main(int argc, char** argv) {
  (void)platypus::test::registered;
  doctest::Context context;
  context.setOption("reporters", "lines");
  context.applyCommandLine(argc, argv);
  return context.run();
}
