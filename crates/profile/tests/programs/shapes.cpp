/* C++ whose parts are known: it prints the seconds of each. Usage: shapes SECONDS */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <pthread.h>
#include <stdexcept>
#include <thread>
#include <vector>

#define KEPT __attribute__((noinline))

static double now() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

static inline __attribute__((always_inline)) double folded(double value) {
    for (int turn = 0; turn < 400; turn++)
        value = value * 0.999 + 0.5;
    return value;
}

namespace parts {

template <typename Number> KEPT Number spreads(Number value) {
    return Number(folded(double(value)) + 1);
}

struct Shape {
    virtual ~Shape() = default;
    virtual double area(double side) const = 0;
};

struct Square : Shape {
    KEPT double area(double side) const override { return folded(side) + 2; }
};

struct Circle : Shape {
    KEPT double area(double side) const override { return 3.14 * folded(side); }
};

KEPT double fails(int depth, double value) {
    struct Kept {
        double *value;
        ~Kept() { *value += 1; }
    } kept{&value};
    if (depth == 0)
        throw std::runtime_error("as it should");
    return fails(depth - 1, value) + value;
}

KEPT double catches(double value) {
    try {
        return fails(5, value);
    } catch (const std::runtime_error &) {
        return value + 1;
    }
}

KEPT double sorts(double value) {
    static std::vector<double> items(2000);
    for (std::size_t index = 0; index < items.size(); index++)
        items[index] = double(index * 7919u % 2000);
    std::sort(items.begin(), items.end(), [](double a, double b) { return a > b; });
    return value + items[0];
}

} // namespace parts

template <typename Part> KEPT double during(const char *name, double seconds, Part part) {
    double begin = now(), value = 1;
    while (now() - begin < seconds)
        for (int turn = 0; turn < 50; turn++)
            value = part(value);
    std::printf("%f %s\n", now() - begin, name);
    return value;
}

static volatile double sink;

KEPT static void crunches(double seconds) {
    pthread_setname_np(pthread_self(), "cruncher");
    sink = sink + during("parts::spreads<float>", seconds, parts::spreads<float>);
}

int main(int count, char **words) {
    double seconds = count > 1 ? std::atof(words[1]) : 1;
    std::unique_ptr<parts::Shape> shapes[2] = {std::make_unique<parts::Square>(), std::make_unique<parts::Circle>()};
    sink = sink + during("parts::spreads<double>", 0.2 * seconds, parts::spreads<double>);
    for (int index = 0; index < 2; index++) {
        auto area = [&](double value) { return shapes[index % count]->area(value); };
        sink = sink + during(index ? "parts::Circle::area" : "parts::Square::area", 0.15 * seconds, area);
    }
    sink = sink + during("parts::catches", 0.2 * seconds, parts::catches);
    sink = sink + during("parts::sorts", 0.15 * seconds, parts::sorts);
    std::thread(crunches, 0.15 * seconds).join();
    return 0;
}
