"""Long arguments and files of the rows of `table`: options of compilers, and sources that stand beside a program."""

from __future__ import annotations

CALM_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xlog:disable", "-Xlog:all=error:stderr")
"""One collector thread, the quick compiler alone, no file in /tmp, and no notices among the program's output."""
JAVA_CONFIGURATION = ("/etc/java-*-openjdk",)
JAVA_TUPLES = "/usr/share/java/javatuples.jar"
CSHARP_LISTENER = """\
class FailingListener : System.Diagnostics.TraceListener {
    public override void Write(string text) { System.Console.Error.Write(text); }
    public override void WriteLine(string text) { System.Console.Error.WriteLine(text); }
    public override void Fail(string message, string detail) {
        System.Console.Error.WriteLine("Assertion failed. " + message + " " + detail);
        System.Console.Error.WriteLine(System.Environment.StackTrace);
        System.Environment.Exit(134);
    }
}
"""
CSHARP_CONFIGURATION = """\
<configuration><system.diagnostics><trace><listeners>
  <clear/><add name="failing" type="FailingListener, main"/>
</listeners></trace></system.diagnostics></configuration>
"""
RUSTC = (
    "{rustc}", "--edition", "2021", "-A", "warnings", "-C", "opt-level=1", "-C", "debug-assertions=on", "-C",
    "strip=symbols", "-C", "linker={cc}", "-o", "main", "{source}",
)  # fmt: skip
JAVA_PRIMER = """\
import java.util.*;
import java.util.stream.*;
public class Main {
    record Pair(int number, String word) {}
    static <T> List<T> twice(List<T> all) { var out = new ArrayList<>(all); out.addAll(all); return out; }
    public static void main(String[] args) {
        Map<String, Integer> counts = new HashMap<>();
        for (String word : args) counts.merge(word, 1, Integer::sum);
        assert twice(List.of(1)).size() == 2 : "twice";
        System.out.println(Arrays.stream(args).map(word -> new Pair(1, word)).collect(Collectors.toList()));
    }
}
"""
SCALA_PRIMER = """\
import scala.collection.mutable
object Main {
  case class Pair(number: Int, word: String)
  def twice[T](all: List[T]): List[T] = all match { case Nil => Nil; case head :: rest => head :: head :: twice(rest) }
  def main(args: Array[String]): Unit = {
    val counts = mutable.Map[String, Int]()
    for (word <- args) counts(word) = counts.getOrElse(word, 0) + 1
    assert(twice(List(1)).size == 2)
    println(args.map(word => Pair(1, s"$word")).mkString(","))
  }
}
"""
GLOBAL_MODULES = (("NODE_PATH", "{node_home}/lib/node_modules:/usr/local/lib/node_modules"),)
"""Where `npm install --global` puts a library; Debian's own are found without."""
# A program's own `class Node` or `name` would clash with the browser's, and reading the browser's takes 1.5 s.
NODE_GLOBALS = """\
declare var console: any, process: any, require: any, module: any, exports: any, globalThis: any, Buffer: any;
declare var performance: any, crypto: any, fetch: any, URL: any, URLSearchParams: any, TextEncoder: any, TextDecoder: any;
declare var AbortController: any, structuredClone: any, __dirname: string, __filename: string;
declare function setTimeout(act: (...values: any[]) => void, ms?: number, ...values: any[]): any;
declare function setInterval(act: (...values: any[]) => void, ms?: number, ...values: any[]): any;
declare function setImmediate(act: (...values: any[]) => void, ...values: any[]): any;
declare function clearTimeout(timer: any): void;
declare function clearInterval(timer: any): void;
declare function clearImmediate(timer: any): void;
declare function queueMicrotask(act: () => void): void;
declare module "*";
"""
