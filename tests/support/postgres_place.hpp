/// @file
/// Stores in the one PostgreSQL server that a test program shares, each in a schema of its own.
#pragma once

#include <memory>
#include <string>

#include <boost/test/unit_test.hpp>

#include <keywarden/store/postgres.hpp>

#include "support/postgres_cluster.hpp"

namespace keywarden::testing {

/// The cluster of this program, made when it is first asked for and removed at its end.
[[nodiscard]] inline postgres_cluster& shared_cluster() {
  struct holder : boost::unit_test::test_observer {
    std::unique_ptr<postgres_cluster> made = std::make_unique<postgres_cluster>();
    holder() { boost::unit_test::framework::register_observer(*this); }
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;
    ~holder() override = default;
    void test_finish() override { made.reset(); }
  };
  static holder held;
  if (!held.made) held.made = std::make_unique<postgres_cluster>();
  return *held.made;
}

/// Whether the tests here can run; else they are skipped.
[[nodiscard]] inline boost::test_tools::assertion_result has_postgres(
    boost::unit_test::test_unit_id) {
  return postgres_cluster::programs().has_value();
}
[[nodiscard]] inline boost::test_tools::assertion_result has_pgbouncer(
    boost::unit_test::test_unit_id) {
  return postgres_cluster::programs() && pgbouncer::program();
}

/// A schema that no other test uses, made by the first store that is opened in it.
struct postgres_place {
  std::string schema = next_schema();
  std::string uri = shared_cluster().uri();

  [[nodiscard]] store::postgres_options options() const {
    store::postgres_options chosen;
    chosen.schema = schema;
    chosen.lock_wait = std::chrono::seconds(30);
    return chosen;
  }
  [[nodiscard]] store::postgres open() const { return open(options()); }
  [[nodiscard]] store::postgres open(const store::postgres_options& chosen) const {
    return store::postgres::open(uri, chosen).value();
  }
  /// Runs SQL as a superuser; each @ is the schema with a dot.
  std::string sql(const std::string& pattern) const {
    std::string text;
    for (const char each : pattern)
      each == '@' ? void(text.append(schema + '.')) : void(text.append(1, each));
    return shared_cluster().sql(text);
  }

 private:
  [[nodiscard]] static std::string next_schema() {
    static int count = 0;
    return "place_" + std::to_string(++count);
  }
};

}  // namespace keywarden::testing
