/** Draws a component again only when one of its properties is another value. */
import { Component, type ComponentType, type FunctionComponent, h } from "preact";

export function memo<P extends object>(draw: FunctionComponent<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const names = new Set([...Object.keys(this.props), ...Object.keys(next)]) as Set<keyof P>;
      return [...names].some((name) => !Object.is(this.props[name], next[name]));
    }

    override render() {
      return h(draw, this.props as P);
    }
  };
}
