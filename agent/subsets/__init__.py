"""What is left when sensors are lost or wrong: the measuring behind `verbot bench subsets`."""
